/// The receive windows of one connection of HTTP/2: how much its client may send ahead of the backends that take it (RFC 9113 §5.2).
///
/// Both windows, the connection's and each stream's, begin with the protocol's 64 KiB. They grow together while a PING shows that the client fills them
/// within one round trip, up to ``ProxyLimits/uploadWindowBytes``. What exceeds the first 64 KiB of a window, and what is held beyond one window, is taken
/// from an ``UploadAllowance`` that all connections share. When nothing has come for a while they shrink to 64 KiB again, and the allowance is free for others.
/// A stream's window is made smaller by a setting. The connection's cannot be: what the client has been allowed to send beyond the new size it may still
/// send, once, and does not get back.
///
/// The connection's window is given back when bytes arrive, a stream's when its backend has taken them. So a backend that takes nothing stops its own stream,
/// and not the others.
struct UploadWindows {
    /// The size with which both windows begin (RFC 9113 §6.9.2).
    static let initialSize = 65_535
    /// The factor by which both windows grow in one round trip.
    private static let growth = 4
    /// How many windows of bytes one connection may hold, that is how many uploads can stand still before the others have to wait.
    private static let heldWindows = 8

    private let limit: Int
    private let allowance: UploadAllowance
    private(set) var size = Self.initialSize
    /// The largest size that the windows have had. The client may send so much on the connection, less what is `withheld`.
    private(set) var reach = Self.initialSize
    /// Of `reach - size`, what the client has sent and has not been given back.
    private var repaid = 0
    /// A window is given back when so many bytes are owed to it: often enough that a client in full flow never has to wait for it, and seldom enough
    /// that it costs no more than one small frame for some large ones.
    var creditStep: Int { self.size / 8 }
    var haveGrown: Bool { self.size > Self.initialSize }
    /// Received, and not taken by a backend yet.
    private(set) var held = 0
    /// Bytes that were received, and are only given back to the connection's window when a backend has taken them.
    private var owed = 0
    /// Bytes that were received and have not been given back to the connection's window, on purpose.
    var withheld: Int { self.owed + self.repaid }
    /// The client sends more than may be held, which it can only after its windows have shrunk, while there is no allowance left.
    var isOverrun: Bool { self.owed > self.size }
    /// The part of `held` that is taken from the allowance.
    private var borrowed = 0
    /// Bytes received since the last measurement began or ended.
    private var counted = 0
    private var isMeasuring = false
    /// How often the client was told of another size and has not acknowledged that.
    private var unacknowledged = 0

    init(limit: Int, allowance: UploadAllowance) {
        self.limit = max(limit, Self.initialSize)
        self.allowance = allowance
    }

    // MARK: Bytes

    /// Bytes of a request body have come.
    ///
    /// - Returns: How many of them the connection's window gets back at once.
    mutating func received(_ count: Int) -> Int {
        self.held += count
        self.counted += count
        if self.held <= self.size { return self.afterRepaying(count) }
        // Beyond that only what the client was allowed to send before its windows shrank.
        if self.held <= Self.heldWindows * self.size + self.reach - self.size, self.allowance.take(count) {
            self.borrowed += count
            return self.afterRepaying(count)
        }
        self.owed += count
        return 0
    }

    /// A backend has taken bytes, or they are not needed any more.
    ///
    /// - Returns: How many the connection's window gets back.
    mutating func released(_ count: Int) -> Int {
        self.held -= count
        let excess = max(0, self.held - self.size)
        if self.borrowed > excess {
            self.allowance.giveBack(self.borrowed - excess)
            self.borrowed = excess
        }
        let paid = min(count, self.owed)
        self.owed -= paid
        return self.afterRepaying(paid)
    }

    /// - Returns: What is left of bytes that are to be given back, once the connection's window is no larger than its size.
    private mutating func afterRepaying(_ count: Int) -> Int {
        let part = min(count, self.reach - self.size - self.repaid)
        self.repaid += part
        return count - part
    }

    // MARK: Growth

    /// Whether to send a PING now. When it is answered ``measured()`` is called, and knows whether the window holds the client back.
    mutating func wantsMeasurement() -> Bool {
        guard !self.isMeasuring, self.size < self.limit, self.counted >= self.size / 4, self.unacknowledged == 0 else { return false }
        self.isMeasuring = true
        self.counted = 0
        return true
    }

    /// SETTINGS have told the client of the size. They are kept until it acknowledges them (RFC 9113 §6.5.3), so it gets no larger windows before.
    mutating func announced() { self.unacknowledged += 1 }

    mutating func acknowledged() { self.unacknowledged = max(0, self.unacknowledged - 1) }

    /// The PING has been answered, one round trip after it was sent.
    ///
    /// - Returns: The size to which both windows grow; nil when they keep theirs.
    mutating func measured() -> Int? {
        guard self.isMeasuring else { return nil }
        self.isMeasuring = false
        defer { self.counted = 0 }
        // Who is held back by a window sends one of them in each round trip, less the step in which it is given back.
        guard self.counted >= self.size / 2 else { return nil }
        let grown = min(self.size * Self.growth, self.limit)
        guard grown > self.size, self.allowance.take(grown - self.size) else { return nil }
        self.size = grown
        self.reach = max(self.reach, grown)
        self.repaid = min(self.repaid, self.reach - grown)
        return grown
    }

    /// - Returns: False when they have their first size already, or uploads stand still that fill them.
    mutating func shrink() -> Bool {
        guard self.haveGrown, self.owed == 0 else { return false }
        // What is held now was held within the window, and takes its place in the allowance.
        let moved = max(0, min(self.held, self.size) - Self.initialSize)
        self.borrowed += moved
        self.allowance.giveBack(self.size - Self.initialSize - moved)
        self.size = Self.initialSize
        self.counted = 0
        return true
    }

    /// The connection has ended: what it took from the allowance is given back.
    mutating func end() {
        self.allowance.giveBack(self.borrowed + self.size - Self.initialSize)
        self = UploadWindows(limit: self.limit, allowance: self.allowance)
    }
}
