package import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import PlaneProtocol
import ServiceLifecycle

/// Serves the registry's text over HTTP while it runs.
package struct MetricsEndpoint: Service {
    /// Between two scrapes a collector may keep its connection; a minute covers the usual 15 to 60 s.
    private static let idleLimit: TimeAmount = .seconds(75)

    private let channel: any Channel
    private let logger: Logger

    /// Binds at once, so that a taken port is told before anything has started.
    package static func bind(_ endpoint: SocketEndpoint, registry: PrometheusRegistry, logger: Logger) async throws -> MetricsEndpoint {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: true)
                    try channel.pipeline.syncOperations.addHandler(IdleStateHandler(allTimeout: self.idleLimit))
                    try channel.pipeline.syncOperations.addHandler(MetricsRequestHandler { registry.text })
                }
            }
            .bind(host: endpoint.ip.description, port: Int(endpoint.port))
            .get()
        logger.debug("metrics are served", metadata: [LogKey.port: "\(channel.localAddress?.port ?? 0)"])
        return MetricsEndpoint(channel: channel, logger: logger)
    }

    private init(channel: any Channel, logger: Logger) {
        self.channel = channel
        self.logger = logger
    }

    /// Where it listens.
    package var port: UInt16? { self.channel.localAddress?.port.flatMap { UInt16(exactly: $0) } }

    package func run() async throws {
        try await withTaskCancellationOrGracefulShutdownHandler {
            try await self.channel.closeFuture.get()
        } onCancelOrGracefulShutdown: {
            self.channel.close(promise: nil)
        }
    }
}
