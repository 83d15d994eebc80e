/// Recognizes that the wall clock was set, by comparing it with a clock that cannot be set.
///
/// Activity is stored in wall time. If the clock is set forward by an hour, every backend would seem idle for an hour, and if it is set back, idle backends
/// would be kept for so long. After either, the idle time begins anew.
struct ClockWatch {
    /// Smaller differences are normal: clocks are adjusted gradually, stored in whole seconds, and read one after the other.
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

    /// Whether `activity` is too far after `now` to be right, so that the clock must have been set back.
    static func liesAhead(_ activity: Int64, of now: Int64) -> Bool {
        let (ahead, overflow) = activity.subtractingReportingOverflow(now)
        return overflow ? activity > now : ahead > Self.toleranceSeconds
    }
}
