import UTCTime

#if canImport(Glibc)
import Glibc
#endif

/// Makes the `Date` field for responses that lack one (RFC 9110 §6.6.1), once a second at most.
struct HTTPDate {
    private var second: time_t = 0
    private var line: [UInt8] = []

    /// The field with its line end, as in `Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n`.
    mutating func field() -> [UInt8] {
        let now = time(nil)
        if now != self.second || self.line.isEmpty {
            self.second = now
            self.line = Self.format(now)
        }
        return self.line
    }

    /// The field for this Unix time, in the format of RFC 9110 §5.6.7.
    static func format(_ seconds: time_t) -> [UInt8] {
        let time = CalendarTime(UTCInstant(seconds: Int64(seconds)))
        let date = "\(CalendarTime.digits(time.date.day, 2)) \(time.monthName) \(CalendarTime.digits(time.date.year, 4))"
        return Array("Date: \(time.weekdayName), \(date) \(time.clock) GMT\r\n".utf8)
    }
}
