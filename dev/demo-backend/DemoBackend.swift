import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket

/// A session backend to look at: one page, a WebSocket echo, and a few paths for tests and measurements.
///
/// Listens on `$PORT` (8080). `$MAX_IDLE_SECS` is what its spawner gave as the idle limit; the page counts it down.
@main
struct DemoBackend {
    enum Accepted {
        case http(HTTPConnection)
        case webSocket(EchoConnection)
    }

    static func main() async throws {
        // The first process of a container gets no default action for signals: without a handler a stop would wait out its whole grace.
        for ending in [SIGTERM, SIGINT] { signal(ending) { _ in _exit(0) } }
        let environment = ProcessInfo.processInfo.environment
        let port = environment["PORT"].flatMap { UInt16($0) } ?? 8080
        let routes = Routes(maxIdleSeconds: environment["MAX_IDLE_SECS"].flatMap { Int($0) })

        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .bind(host: "0.0.0.0", port: Int(port)) { channel in
                channel.eventLoop.makeCompletedFuture { try Self.configure(channel) }
            }
        StandardStreams.write("listening on port \(port)", to: .stdout)
        try await server.executeThenClose { connections in
            try await withThrowingDiscardingTaskGroup { group in
                for try await accepted in connections {
                    group.addTask {
                        // One that ends before its first request is no reason to end all others.
                        switch try? await accepted.get() {
                        case .http(let connection): await connection.serve(routes)
                        case .webSocket(let connection): await connection.echo()
                        case nil: break
                        }
                    }
                }
            }
        }
    }

    /// HTTP/1.1, with `/ws` as the way to a WebSocket.
    private static func configure(_ channel: any Channel) throws -> EventLoopFuture<Accepted> {
        let upgrader = NIOTypedWebSocketServerUpgrader<Accepted>(
            shouldUpgrade: { channel, head in
                channel.eventLoop.makeSucceededFuture(head.uri.hasPrefix("/ws") ? HTTPHeaders() : nil)
            },
            upgradePipelineHandler: { channel, _ in
                channel.eventLoop.makeCompletedFuture {
                    .webSocket(EchoConnection(channel: try NIOAsyncChannel(wrappingChannelSynchronously: channel)))
                }
            })
        let upgrades = NIOTypedHTTPServerUpgradeConfiguration(upgraders: [upgrader]) { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(ResponsePartAdapter())
                return .http(HTTPConnection(channel: try NIOAsyncChannel(wrappingChannelSynchronously: channel)))
            }
        }
        return try channel.pipeline.syncOperations.configureUpgradableHTTPServerPipeline(
            configuration: .init(upgradeConfiguration: upgrades))
    }
}
