import ArgumentParser
import DroneStore
import Logging
import NIOCore
import NIOPosix
import PlaneService
import ProxyCore
import ServiceLifecycle

#if canImport(Glibc)
import Glibc
#endif

/// The way in to a drone's backends.
@main struct DroneProxyMain: ServiceCommand {
    static let configuration = CommandConfiguration(
        commandName: "drone-proxy",
        abstract: "Gives the backends of this drone their host names and passes HTTP, HTTPS and WebSocket traffic to them.")

    @OptionGroup var options: ServiceOptions

    func makeServices(_ settings: DroneProxySettings, logger: Logger) async throws -> [any Service] {
        signal(SIGHUP, SIG_IGN)  // a reload that comes now must not be the end; this process reads its configuration at this moment
        let store = try DroneStore.open(path: settings.drone.databasePath)
        let source = StoreRouteSource(store: store)
        let server = try await ProxyServer(
            options: try settings.proxyOptions(openFiles: OpenFileLimit.raise()), routes: source, activity: source, group: MultiThreadedEventLoopGroup.singleton,
            logger: logger)
        return [try await ProxyService.bind(settings, server: server, sockets: .ofThisProcess, logger: logger)]
    }
}
