/// How much of one backend's output is passed on: so many lines a second, and ten seconds' worth at once (a token bucket, kept as the moment at
/// which it would be full again). A long line counts as several, so that what is passed on is bounded in bytes as well.
struct LogAllowance: Hashable, Sendable {
    /// Bytes for which one line counts.
    static let bytesPerLine = 1024
    /// What an application says when it starts is passed on whole.
    static let burst = Duration.seconds(10)
    /// After it was used up, it is left alone until this much is there again: one gap with one line about it, not a gap after every line.
    static let pause = Duration.seconds(5)

    let linesPerSecond: Int
    private var isFullAt = Duration.zero

    init(linesPerSecond: Int) {
        self.linesPerSecond = max(1, linesPerSecond)
    }

    /// Lines counted after the allowance is used up, before the output is not even read any more: reading costs, too.
    var countedLines: Int { self.linesPerSecond * Int(Self.pause.components.seconds) }

    /// Whether one more line may pass, which then counts.
    /// - Parameter now: by a clock that nobody sets.
    mutating func admits(bytes: Int, at now: Duration) -> Bool {
        let start = max(self.isFullAt, now)
        let lines = max(1, (bytes + Self.bytesPerLine - 1) / Self.bytesPerLine)
        let cost = Duration.seconds(1) * lines / self.linesPerSecond
        // A line longer than everything there ever is passes when there is everything.
        guard start - now + cost <= max(Self.burst, start == now ? cost : .zero) else { return false }
        self.isFullAt = start + cost
        return true
    }
}
