import Logging
import NIOCore
import PlaneService
import ProxyCore
import ServiceLifecycle

/// Serves until asked to stop; then lets open requests come to their end.
struct ProxyService: Service {
    /// Below the limit of the service group, which cancels what is still running then.
    private static let drainLimit: TimeAmount = .seconds(20)

    let server: ProxyServer
    let listener: any Channel

    /// Binds at once, so that a taken port is told before anything has started.
    static func listen(_ configuration: PlaneService.ProxyConfiguration, server: ProxyServer, logger: Logger) async throws -> ProxyService {
        let endpoint = SocketEndpoint(ip: configuration.bindIP, port: configuration.httpPort)
        let listener = try await server.listen(on: try SocketAddress(endpoint))
        logger.info("drone-proxy is ready", metadata: [LogKey.port: "\(listener.localAddress?.port ?? 0)"])
        return ProxyService(server: server, listener: listener)
    }

    func run() async throws {
        try await withTaskCancellationOrGracefulShutdownHandler {
            try await self.listener.closeFuture.get()
        } onCancelOrGracefulShutdown: {
            self.listener.close(promise: nil)
        }
        try await self.server.shutDown(within: Self.drainLimit)
    }
}
