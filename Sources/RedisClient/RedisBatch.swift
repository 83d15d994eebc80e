import NIOCore

/// Commands that were sent in one piece, and the answers that have come so far.
final class RedisBatch {
    let commands: [RedisCommand]
    private let body: (Result<[RedisValue], RedisError>) -> Void
    private(set) var replies: [RedisValue] = []
    var sentAt: NIODeadline = .distantFuture
    /// It was sent before, on a connection that broke.
    var isRepeated = false

    /// - Parameter body: Called once, on the client's event loop.
    init(_ commands: [RedisCommand], _ body: @escaping (Result<[RedisValue], RedisError>) -> Void) {
        self.commands = commands
        self.body = body
        self.replies.reserveCapacity(commands.count)
    }

    /// Whether this was the last one.
    func take(_ reply: RedisValue) -> Bool {
        self.replies.append(reply)
        return self.replies.count == self.commands.count
    }

    func succeed() { self.body(.success(self.replies)) }

    func fail(_ error: RedisError) { self.body(.failure(error)) }

    /// As if nothing of it had been answered.
    func beginAgain() {
        self.isRepeated = true
        self.replies.removeAll(keepingCapacity: true)
    }
}
