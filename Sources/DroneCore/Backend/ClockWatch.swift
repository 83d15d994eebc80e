/// Tells a wall clock that was set from time that has passed, by a clock that nobody sets.
///
/// Activity is stored in wall time. A clock that is set forward by an hour would make every backend an hour idle at once, and one that is
/// set back would keep idle ones for as long; after either, the idle time begins anew.
struct ClockWatch {
    /// Clocks are slewed, stored in whole seconds, and read one after the other.
    private static let toleranceSeconds: Int64 = 2

    private var wallSeconds: Int64
    private var uptime: Duration

    init(wallSeconds: Int64, uptime: Duration) {
        self.wallSeconds = wallSeconds
        self.uptime = uptime
    }

    /// - Returns: Whether the clock was set since the last call.
    mutating func wasSet(wallSeconds: Int64, uptime: Duration) -> Bool {
        let passed = (uptime - self.uptime).components.seconds
        let (shown, overflow) = wallSeconds.subtractingReportingOverflow(self.wallSeconds)
        let (difference, overflows) = shown.subtractingReportingOverflow(passed)
        self.wallSeconds = wallSeconds
        self.uptime = uptime
        return overflow || overflows || difference.magnitude > UInt64(Self.toleranceSeconds)
    }

    /// Whether an activity noted at the first time cannot have been, at the second.
    static func liesAhead(_ activity: Int64, of now: Int64) -> Bool {
        let (ahead, overflow) = activity.subtractingReportingOverflow(now)
        return overflow ? activity > now : ahead > Self.toleranceSeconds
    }
}
