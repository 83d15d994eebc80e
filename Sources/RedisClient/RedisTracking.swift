package import NIOCore

/// What one connection promises about keys: Redis tells on it when one of those with certain prefixes changes (client-side caching in broadcasting mode, CLIENT
/// TRACKING of Redis 6). Used on its loop's thread only.
package final class RedisTracking {
    /// Whether the connection is still open. Nothing is told on a connection that is gone.
    package internal(set) var isActive = true
    /// When bytes last came. Redis sends in order, so by then it had told of every change up to the command that it answered.
    package internal(set) var heardAt: NIODeadline
    /// Whether anybody relies on being told, so that the connection has to be asked for a sign of life.
    var isUsed = false

    package init(heardAt: NIODeadline) {
        self.heardAt = heardAt
    }

    /// Whether Redis had told of every change no longer than `limit` ago. A connection that is asked this has something to say every half second.
    package func isCurrent(within limit: TimeAmount, at now: NIODeadline) -> Bool {
        guard self.isActive else { return false }
        self.isUsed = true
        return now - self.heardAt < limit
    }
}
