import ArgumentParser
import ConfigurationFiles
import DroneProxy
import DroneProxyPolicy
import DroneStore
import EpollTransport
import Logging
import NIOCore
import PlaneService
import ProxyCore
import ProxyCoreConfiguration
import ProxyProgram
import ServiceLifecycle

#if canImport(Glibc)
import Glibc
#endif

/// The proxy through which visitors reach a drone's backends.
@main struct DroneProxyMain: ServiceCommand {
    static let configuration = CommandConfiguration(
        commandName: "drone-proxy",
        abstract: "Gives the backends of this drone their host names and passes HTTP, HTTPS and WebSocket traffic to them.",
        usage: "drone-proxy [options] [<configuration-file>]",
        version: BuildInformation.version)

    /// One loop for each processor, unless the environment says otherwise, as for every program with SwiftNIO.
    static let trafficLoops = EpollEventLoopGroup(threads: NIOSingletons.groupLoopCountSuggestion)

    static var watchedLoops: [any EventLoopGroup] { [self.trafficLoops] }

    @OptionGroup var options: ServiceOptions

    func makeServices(_ settings: DroneProxySettings, logger: Logger) async throws -> [any Service] {
        signal(SIGHUP, SIG_IGN)  // a reload that comes now must not be the end; this process reads its configuration at this moment
        signal(SIGCHLD, SIG_IGN)  // a successor that ends before this process leaves no zombie
        let store = try await DroneStore.open(path: settings.drone.databasePath)
        let source = StoreRouteSource(store: store)
        let server = try await ProxyServer(
            options: try settings.proxyOptions(openFiles: OpenFileLimit.raise()), routes: source, activity: source, group: Self.trafficLoops,
            logger: logger)
        return [try await ProxyService.bind(settings, server: server, sockets: .ofThisProcess, logger: logger)]
    }
}
