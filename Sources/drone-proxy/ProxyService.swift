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
    let listeners: [any Channel]

    /// Binds at once, so that a taken port is told before anything has started.
    static func listen(_ settings: DroneProxySettings, server: ProxyServer, logger: Logger) async throws -> ProxyService {
        var listeners: [any Channel] = []
        for (listener, port) in Self.listeners(settings, logger: logger) {
            let socket = try ListeningSocket(listeningOn: try settings.address(port: port))
            listeners.append(try await server.listen(listener, on: socket))
        }
        let ports = listeners.map { "\($0.localAddress?.port ?? 0)" }.joined(separator: ", ")
        logger.info("drone-proxy is ready", metadata: [LogKey.port: "\(ports)"])
        return ProxyService(server: server, listeners: listeners)
    }

    /// With a certificate HTTPS, and plain HTTP only to lead there; without one plain HTTP.
    private static func listeners(_ settings: DroneProxySettings, logger: Logger) -> [(ProxyListener, port: UInt16)] {
        let httpPort = settings.drone.proxy.httpPort
        guard let files = settings.certificateFiles, let httpsPort = settings.httpsPort else {
            return [(settings.listener(.http), httpPort)]
        }
        let certificates = CertificateStore(files: files, offersHTTP2: false, logger: logger)
        return [
            (settings.listener(.https(certificates)), httpsPort),
            (settings.listener(.redirect(httpsPort: httpsPort)), httpPort),
        ]
    }

    func run() async throws {
        try await withTaskCancellationOrGracefulShutdownHandler {
            for listener in self.listeners { try await listener.closeFuture.get() }
        } onCancelOrGracefulShutdown: {
            for listener in self.listeners { listener.close(promise: nil) }
        }
        try await self.server.shutDown(within: Self.drainLimit)
    }
}
