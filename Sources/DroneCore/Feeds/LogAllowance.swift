/// How much of one backend's output is passed on: so many lines per second, and at most ten seconds' worth at once (a token bucket, stored as the moment at
/// which it would be full again). A long line counts as several, so that the bytes are limited as well.
struct LogAllowance: Hashable, Sendable {
    /// Each such number of bytes counts as one line.
    static let bytesPerLine = 1024
    /// Ten seconds' worth may pass at once, so that what an application prints at its start is complete.
    static let burst = Duration.seconds(10)
    /// When the allowance is used up, nothing passes until this much is there again. So there is one gap with one line about it, not a gap after every line.
    static let pause = Duration.seconds(5)

    let linesPerSecond: Int
    private var isFullAt = Duration.zero

    init(linesPerSecond: Int) {
        self.linesPerSecond = max(1, linesPerSecond)
    }

    /// How many lines are counted after the allowance is used up. After that the output is not even read any more, because reading costs, too.
    var countedLines: Int { self.linesPerSecond * Int(Self.pause.components.seconds) }

    /// Whether one more line may pass; if so it counts.
    /// - Parameter now: by a clock that cannot be set.
    mutating func admits(bytes: Int, at now: Duration) -> Bool {
        let start = max(self.isFullAt, now)
        let lines = max(1, (bytes + Self.bytesPerLine - 1) / Self.bytesPerLine)
        let cost = Duration.seconds(1) * lines / self.linesPerSecond
        // A line that is longer than the whole allowance passes when the allowance is full.
        guard start - now + cost <= max(Self.burst, start == now ? cost : .zero) else { return false }
        self.isFullAt = start + cost
        return true
    }
}
