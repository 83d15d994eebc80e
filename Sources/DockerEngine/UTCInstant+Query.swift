import UTCTime

/// Times in Docker's format, to the nanosecond; `since` parameters have the same precision.
extension UTCInstant {
    /// Nil also for a time before 1970: Docker writes "not yet" as Go's zero time, in the year 1.
    init?(engine text: String) {
        self.init(engine: Array(text.utf8)[...])
    }

    init?(engine bytes: ArraySlice<UInt8>) {
        guard let instant = UTCInstant(rfc3339: bytes), instant.seconds >= 0 else { return nil }
        self = instant
    }

    /// The time as the value of `since`: seconds, a dot, nine digits.
    var queryValue: String { "\(self.seconds).\(CalendarTime.digits(Int64(self.nanoseconds), 9))" }
}
