package import Logging
package import NetworkAddresses
import LogKeys
import NIOCore
import NIOHTTP1
import NIOPosix
import PlaneProtocol
import ServiceLifecycle

#if canImport(Glibc)
import Glibc
#endif

/// Serves the registry's text over HTTP.
package struct MetricsEndpoint: Service {
    private let channel: any Channel
    private let logger: Logger

    /// The name by which a successor finds the socket.
    private static let socketName = "metrics"

    /// Binds at once, so that a port in use is reported before anything is started; or uses the socket that this process was given.
    ///
    /// - Parameter sockets: when these are handed over, the endpoint ends without an error.
    package static func bind(
        _ endpoint: SocketEndpoint, registry: PrometheusRegistry, sockets: ListeningSockets = .ofThisProcess, logger: Logger
    ) async throws -> MetricsEndpoint {
        let inherited = sockets.inherited(Self.socketName, at: endpoint)
        let connections = MetricsConnections()
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: true)
                    connections.enter(channel)
                    try channel.pipeline.syncOperations.addHandler(MetricsRequestHandler { registry.text + ProcessSample.read().text })
                }
            }
        let channel =
            if let inherited { try await bootstrap.withBoundSocket(inherited).get() } else {
                try await bootstrap.bind(host: endpoint.ip.description, port: Int(endpoint.port)).get()
            }
        try await channel.eventLoop.submit {
            try channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { descriptor in
                let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
                if copy >= 0 { sockets.hold(Self.socketName, copy) }
            }
        }.get()
        sockets.whenHandedOver { channel.close(promise: nil) }
        logger.debug("metrics are served", metadata: [LogKey.port: "\(channel.localAddress?.port ?? 0)"])
        return MetricsEndpoint(channel: channel, logger: logger)
    }

    private init(channel: any Channel, logger: Logger) {
        self.channel = channel
        self.logger = logger
    }

    /// The port at which it listens.
    package var port: UInt16? { self.channel.localAddress?.port.flatMap { UInt16(exactly: $0) } }

    package func run() async throws {
        try await withTaskCancellationOrGracefulShutdownHandler {
            try await self.channel.closeFuture.get()
            // If the socket was handed over, this service waits for the end of the process, because the others continue.
            try? await gracefulShutdown()
        } onCancelOrGracefulShutdown: {
            self.channel.close(promise: nil)
        }
    }
}
