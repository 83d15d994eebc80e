import NIOCore

/// How far a connection is with telling its client that it ends.
struct HTTP2GoAway {
    private(set) var begunAt: NIODeadline?
    /// The last stream has been named.
    var isFinal = false

    /// - Returns: Whether to say it now.
    mutating func begin(_ now: NIODeadline) -> Bool {
        guard self.begunAt == nil, !self.isFinal else { return false }
        self.begunAt = now
        return true
    }

    /// - Returns: Whether to name the last stream now.
    mutating func end() -> Bool {
        guard self.begunAt != nil, !self.isFinal else { return false }
        self.isFinal = true
        return true
    }
}
