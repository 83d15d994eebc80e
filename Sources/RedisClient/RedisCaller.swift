package import EpollTransport
package import Logging
import NIOCore

/// A Redis client for tasks, which run on no event loop. It has a connection of its own.
package struct RedisCaller: Sendable {
    private let client: NIOLoopBound<RedisClient>
    private let loop: EpollEventLoop

    package static func make(
        _ server: RedisServer, limits: RedisLimits = RedisLimits(), on loop: EpollEventLoop, logger: Logger
    ) async throws -> RedisCaller {
        try await loop.submit {
            RedisCaller(RedisClient(server, limits: limits, on: loop, logger: logger), on: loop)
        }.get()
    }

    /// Called on the client's loop.
    package init(_ client: RedisClient, on loop: EpollEventLoop) {
        self.client = NIOLoopBound(client, eventLoop: loop)
        self.loop = loop
    }

    package func send(_ commands: [RedisCommand]) async throws(RedisError) -> [RedisValue] {
        try await self.send(RedisPipeline(commands))
    }

    package func send(_ pipeline: RedisPipeline) async throws(RedisError) -> [RedisValue] {
        let result: Result<[RedisValue], RedisError> = await withCheckedContinuation { continuation in
            self.loop.execute { self.client.value.send(pipeline) { continuation.resume(returning: $0) } }
        }
        return try result.get()
    }

    /// - Parameter body: called once, on the client's loop.
    package func send(_ commands: [RedisCommand], _ body: @escaping @Sendable (Result<[RedisValue], RedisError>) -> Void) {
        self.loop.execute { self.client.value.send(commands, body) }
    }

    package func send(_ command: RedisCommand) async throws(RedisError) -> RedisValue {
        try await self.send([command]).first ?? .null
    }

    package func close() {
        self.loop.execute { self.client.value.close() }
    }
}
