import UTCTime

/// Moments as Docker tells them, to the nanosecond; `since` parameters take them back in the same precision.
extension UTCInstant {
    /// nil for a moment before 1970 too: Go's zero time, year 1, is how Docker says "not yet".
    init?(engine text: String) {
        self.init(engine: Array(text.utf8)[...])
    }

    init?(engine bytes: ArraySlice<UInt8>) {
        guard let instant = UTCInstant(rfc3339: bytes), instant.seconds >= 0 else { return nil }
        self = instant
    }

    /// The form of `since`: seconds, a dot, nine digits.
    var queryValue: String { "\(self.seconds).\(CalendarTime.digits(Int64(self.nanoseconds), 9))" }
}
