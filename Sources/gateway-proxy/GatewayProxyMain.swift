import ArgumentParser
import ConfigurationFiles
import EpollTransport
import Logging
import NATS
import NIOCore
import PlaneMessaging
import PlaneProtocol
import PlaneService
import ProxyCore
import ProxyProgram
import ServiceLifecycle
import TierProxy
import TierProxyPolicy

#if canImport(Glibc)
import Glibc
#endif

/// The way in to the backends of a whole cluster.
@main struct GatewayProxyMain: ServiceCommand {
    static let configuration = CommandConfiguration(
        commandName: "gateway-proxy",
        abstract: "Leads visitors with a token, or with a backend's name, to the backend on whichever drone it is. Any number may run.",
        usage: "gateway-proxy [options] [<configuration-file>]",
        version: BuildInformation.version)

    /// As many as there are processors, unless the environment says otherwise, as for every program with SwiftNIO.
    static let trafficLoops = EpollEventLoopGroup(threads: NIOSingletons.groupLoopCountSuggestion)

    static var watchedLoops: [any EventLoopGroup] { [self.trafficLoops] }

    @OptionGroup var options: ServiceOptions

    func makeServices(_ settings: TierProxySettings, logger: Logger) async throws -> [any Service] {
        signal(SIGHUP, SIG_IGN)  // a reload that comes now must not be the end; this process reads its configuration at this moment
        signal(SIGCHLD, SIG_IGN)  // a successor that ends before this process leaves no zombie
        var generator = SystemRandomNumberGenerator()
        let proxy = settings.proxyID(using: &generator)
        // Opened beside the proxy, which serves what it knows whether NATS can be reached or not.
        let connection = NATSConnection.unopened(
            settings.nats.options(name: "gateway-proxy \(proxy.rawValue)", inboxPrefix: settings.inboxPrefix), logger: logger)
        let world = FollowedWorld(
            BackendPlaces(cluster: settings.cluster), TokenStream(connection.jetStream, cluster: settings.cluster, logger: logger))
        let directory = TierDirectory(world)
        let follower = TierFollower(
            world: world, directory: directory, connection: connection, proxy: proxy, cluster: settings.cluster, logger: logger)
        let server = try await ProxyServer(
            tier: try settings.proxyOptions(openFiles: OpenFileLimit.raise()), directory: directory, group: Self.trafficLoops, logger: logger)
        return [
            NATSConnectionService(connection, opens: true), follower, TierProxyService(settings, server: server, world: world, logger: logger),
        ]
    }
}
