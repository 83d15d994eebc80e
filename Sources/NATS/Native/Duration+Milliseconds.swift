extension Duration {
    /// Whole milliseconds as libnats takes them; at least 1, because 0 means "none" there.
    var libraryMilliseconds: Int64 {
        let (seconds, attoseconds) = self.components
        let milliseconds = seconds.multipliedReportingOverflow(by: 1000)
        guard !milliseconds.overflow else { return seconds < 0 ? 1 : Int64.max / 2 }
        return max(1, milliseconds.partialValue + attoseconds / 1_000_000_000_000_000)
    }

    /// Whole nanoseconds for deadlines and for those of the JetStream API; never negative.
    var unsignedNanoseconds: UInt64 {
        let (seconds, attoseconds) = self.components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let nanoseconds = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        guard !nanoseconds.overflow else { return UInt64(Int64.max) }
        return nanoseconds.partialValue &+ UInt64(attoseconds / 1_000_000_000)
    }
}
