import NIOCore

/// Commands that were sent together, and the answers that have come so far.
final class RedisBatch {
    let commands: [RedisCommand]
    private let body: (Result<[RedisValue], RedisError>) -> Void
    private(set) var replies: [RedisValue] = []
    var sentAt: NIODeadline = .distantFuture
    /// Whether the commands were sent before, on a connection that broke.
    var isRepeated = false

    /// - Parameter body: called once, on the client's event loop.
    init(_ commands: [RedisCommand], _ body: @escaping (Result<[RedisValue], RedisError>) -> Void) {
        self.commands = commands
        self.body = body
        self.replies.reserveCapacity(commands.count)
    }

    /// Adds a reply; returns whether this was the last one.
    func take(_ reply: RedisValue) -> Bool {
        self.replies.append(reply)
        return self.replies.count == self.commands.count
    }

    func succeed() { self.body(.success(self.replies)) }

    func fail(_ error: RedisError) { self.body(.failure(error)) }

    /// Drops the replies, because the commands are sent again.
    func beginAgain() {
        self.isRepeated = true
        self.replies.removeAll(keepingCapacity: true)
    }
}
