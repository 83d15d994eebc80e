extension Duration {
    /// Whole nanoseconds, rounded towards zero; at most 292 years.
    var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = self.components
        return seconds.multipliedReportingOverflow(by: 1_000_000_000).partialValue &+ attoseconds / 1_000_000_000
    }

    /// Whole milliseconds, rounded towards zero.
    var wholeMilliseconds: Int64 { self.wholeNanoseconds / 1_000_000 }
}
