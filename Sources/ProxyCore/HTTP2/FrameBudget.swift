import NIOCore

/// Limits the frames that carry neither a request nor a byte of a body. Such a frame costs the proxy some work and the client nothing, so a connection that
/// sends many more of them than its requests explain is closed (RFC 9113 §10.5).
struct FrameBudget {
    /// The tokens that a connection has at the beginning, and at most.
    private static let limit = 2000
    /// Tokens that a connection gets back per second, whatever the client does.
    private static let perSecond: Int64 = 200

    /// A smaller frame of DATA is taken for a means to cause work, where the client decides how large it is: one for the client that ends where its window
    /// does, and one from it on a stream that has ended.
    static let worthwhileBytes = 1024

    enum Cost: Int {
        /// SETTINGS, PING, PRIORITY, PRIORITY_UPDATE, WINDOW_UPDATE, a DATA without content, an empty CONTINUATION, a frame of an unknown type, HEADERS or
        /// a small DATA on a stream that has ended.
        case controlFrame = 1
        /// A stream that was made in vain: reset by the client, reset by the proxy because of what the client sent on it (“MadeYouReset”), or beyond the
        /// limit of streams.
        case wastedStream = 5
    }

    enum Gain: Int {
        /// A DATA frame for the client, which may answer with a WINDOW_UPDATE for the stream and one for the connection. A small one that its window has cut
        /// off is none: the client could have the whole of a response in such frames, by an update for each.
        case dataSent = 2
        case responseSent = 4
    }

    private var tokens = Self.limit
    private var refilledAt: NIODeadline

    init(now: NIODeadline) {
        self.refilledAt = now
    }

    /// - Parameter now: The time, asked for only when there are no tokens left.
    /// - Returns: False when the client has used up its budget.
    mutating func spend(_ cost: Cost, now: () -> NIODeadline = NIODeadline.now) -> Bool {
        self.tokens -= cost.rawValue
        if self.tokens >= 0 { return true }
        let now = now()
        let earned = (now - self.refilledAt).nanoseconds / (1_000_000_000 / Self.perSecond)
        guard earned > 0 else { return false }
        self.refilledAt = now
        self.tokens = min(Self.limit, self.tokens + Int(clamping: earned))
        return self.tokens >= 0
    }

    mutating func earn(_ gain: Gain) {
        self.tokens = min(Self.limit, self.tokens + gain.rawValue)
    }
}
