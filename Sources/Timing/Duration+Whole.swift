extension Duration {
    /// Whole nanoseconds, rounded towards zero; beyond 292 years the outermost number.
    package var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = self.components
        let (nanoseconds, overflows) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflows else { return seconds < 0 ? .min : .max }
        return nanoseconds &+ attoseconds / 1_000_000_000
    }

    /// Whole milliseconds, rounded towards zero.
    package var wholeMilliseconds: Int64 { self.wholeNanoseconds / 1_000_000 }
}
