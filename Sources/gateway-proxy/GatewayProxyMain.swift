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

/// The proxy of a tier, through which visitors reach the backends of a whole cluster.
@main struct GatewayProxyMain: ServiceCommand {
    static let configuration = CommandConfiguration(
        commandName: "gateway-proxy",
        abstract: "Leads visitors with a token, or with a backend's name, to the backend on whichever drone it is. Any number may run.",
        usage: "gateway-proxy [options] [<configuration-file>]",
        version: BuildInformation.version)

    /// One loop for each processor, unless the environment says otherwise, as for every program with SwiftNIO.
    static let trafficLoops = EpollEventLoopGroup(threads: NIOSingletons.groupLoopCountSuggestion)

    static var watchedLoops: [any EventLoopGroup] { [self.trafficLoops] }

    @OptionGroup var options: ServiceOptions

    func makeServices(_ settings: TierProxySettings, logger: Logger) async throws -> [any Service] {
        signal(SIGHUP, SIG_IGN)  // a reload that comes now must not be the end; this process reads its configuration at this moment
        signal(SIGCHLD, SIG_IGN)  // a successor that ends before this process leaves no zombie
        var generator = SystemRandomNumberGenerator()
        let proxy = settings.proxyID(using: &generator)
        // Below 2^53, which readers can read that keep numbers as doubles.
        let process = UInt64.random(in: 0..<(1 << 53), using: &generator)
        // The connection is made by a service of its own, so that the proxy serves what it knows whether or not NATS can be reached.
        let connection = NATSConnection.unopened(
            settings.nats.options(name: "gateway-proxy \(proxy.rawValue)", inboxPrefix: settings.inboxPrefix), logger: logger)
        let openFiles = OpenFileLimit.raise()
        var (clusters, fleets, followers): ([TierPolicySource.Cluster], [FollowedFleet], [any Service]) = ([], [], [])
        for cluster in settings.clusters {
            let fleet = FollowedFleet(
                BackendLocations(cluster: cluster), TokenStream(connection.jetStream, proxy: proxy, process: process, cluster: cluster, logger: logger))
            let directory = TierDirectory(fleet)
            clusters.append(TierPolicySource.Cluster(try settings.proxyOptions(for: cluster, openFiles: openFiles), directory))
            fleets.append(fleet)
            followers.append(
                TierFollower(
                    fleet: fleet, directory: directory, connection: connection, proxy: proxy, process: process, cluster: cluster,
                    isFurther: cluster != settings.cluster, logger: logger))
        }
        let server = try await ProxyServer(tier: clusters, group: Self.trafficLoops, logger: logger)
        var services: [any Service] = [NATSConnectionService(connection, opens: true)]
        services += followers
        services.append(TierProxyService(settings, server: server, fleets: fleets, logger: logger))
        return services
    }
}
