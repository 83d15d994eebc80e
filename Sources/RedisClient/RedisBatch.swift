import NIOCore

/// Commands that were sent together, and the answers that have come so far.
final class RedisBatch {
    let pipeline: RedisPipeline
    /// Where a failure is counted.
    private let counts: RedisCounts?
    private let body: (Result<[RedisValue], RedisError>) -> Void
    private(set) var replies: [RedisValue] = []
    var sentAt: NIODeadline = .distantFuture
    /// Whether the commands were sent before, on a connection that broke.
    var isRepeated = false

    /// - Parameter body: called once, on the client's event loop.
    init(_ pipeline: RedisPipeline, counts: RedisCounts? = nil, _ body: @escaping (Result<[RedisValue], RedisError>) -> Void) {
        self.pipeline = pipeline
        self.counts = counts
        self.body = body
        self.replies.reserveCapacity(pipeline.count)
    }

    /// Adds a reply; returns whether this was the last one.
    func take(_ reply: RedisValue) -> Bool {
        self.replies.append(reply)
        return self.replies.count == self.pipeline.count
    }

    func succeed() { self.body(.success(self.replies)) }

    func fail(_ error: RedisError) {
        self.counts?.failed += self.pipeline.count
        self.body(.failure(error))
    }

    /// Drops the replies, because the commands are sent again.
    func beginAgain() {
        self.isRepeated = true
        self.replies.removeAll(keepingCapacity: true)
    }
}

/// How many commands a client has sent, and how many of them have failed.
final class RedisCounts {
    var sent = 0
    var failed = 0
}
