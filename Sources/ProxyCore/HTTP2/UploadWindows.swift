/// The receive windows of one connection of HTTP/2: how much its client may send ahead of the backends that take it (RFC 9113 §5.2).
///
/// Both windows, the connection's and each stream's, begin at the protocol's 64 KiB and grow together while a PING shows that the client
/// fills them within one round trip, up to ``ProxyLimits/uploadWindowBytes``. What has been promised beyond the first 64 KiB, and what
/// is held beyond one window, comes from an ``UploadAllowance`` that all connections share.
///
/// The connection's window is given back when bytes come, a stream's when its backend has taken them: so a backend that takes nothing
/// stops its own stream, and not the others.
struct UploadWindows {
    /// RFC 9113 §6.9.2.
    static let initialSize = 65_535
    /// Of both windows, in one round trip.
    private static let growth = 4
    /// Windows that one connection may hold, which is as many uploads as can stand still before the others have to wait.
    private static let heldWindows = 8

    private let limit: Int
    private let allowance: UploadAllowance
    private(set) var size = Self.initialSize
    /// A window is given back when so many bytes are owed to it: often enough that a client in full flow never has to wait for it, and seldom enough
    /// that it costs no more than one small frame for some large ones.
    var creditStep: Int { self.size / 8 }
    /// Received, and not taken by a backend yet.
    private(set) var held = 0
    /// Received, and not given back to the connection's window yet.
    private var owed = 0
    /// Part of `held` that the allowance pays for.
    private var borrowed = 0
    /// Since the last measurement began, or ended.
    private var counted = 0
    private var isMeasuring = false

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
        if self.held <= self.size { return count }
        if self.held <= Self.heldWindows * self.size, self.allowance.take(count) {
            self.borrowed += count
            return count
        }
        self.owed += count
        return 0
    }

    /// A backend has taken bytes, or nobody wants them any more.
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
        return paid
    }

    // MARK: Growth

    /// Whether to send a PING now, whose answer is told to ``measured()``: enough has come to ask whether the window is what holds the client back.
    mutating func wantsMeasurement() -> Bool {
        guard !self.isMeasuring, self.size < self.limit, self.counted >= self.size / 4 else { return false }
        self.isMeasuring = true
        self.counted = 0
        return true
    }

    /// The PING has come back, one round trip later.
    ///
    /// - Returns: What both windows grow to; nil when they do not.
    mutating func measured() -> Int? {
        guard self.isMeasuring else { return nil }
        self.isMeasuring = false
        defer { self.counted = 0 }
        // Who is held back by a window sends one of them in each round trip, less the step in which it is given back.
        guard self.counted >= self.size / 2 else { return nil }
        let grown = min(self.size * Self.growth, self.limit)
        guard grown > self.size, self.allowance.take(grown - self.size) else { return nil }
        self.size = grown
        return grown
    }

    /// The connection is gone.
    mutating func end() {
        self.allowance.giveBack(self.borrowed + self.size - Self.initialSize)
        self = UploadWindows(limit: self.limit, allowance: self.allowance)
    }
}
