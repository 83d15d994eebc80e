#if canImport(Glibc)
import Glibc
#endif

/// The `Date` field for responses that lack one (RFC 9110 §6.6.1), made at most once a second.
struct HTTPDate {
    private var second: time_t = 0
    private var line: [UInt8] = []

    /// `Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n`
    mutating func field() -> [UInt8] {
        let now = time(nil)
        if now != self.second || self.line.isEmpty {
            self.second = now
            self.line = Self.format(now)
        }
        return self.line
    }

    static func format(_ seconds: time_t) -> [UInt8] {
        var seconds = seconds
        var parts = tm()
        gmtime_r(&seconds, &parts)
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let (day, month) = (days[Int(parts.tm_wday) % 7], months[Int(parts.tm_mon) % 12])
        let date = "\(Self.twoDigits(parts.tm_mday)) \(month) \(parts.tm_year + 1900)"
        let time = "\(Self.twoDigits(parts.tm_hour)):\(Self.twoDigits(parts.tm_min)):\(Self.twoDigits(parts.tm_sec))"
        return Array("Date: \(day), \(date) \(time) GMT\r\n".utf8)
    }

    private static func twoDigits(_ number: Int32) -> String {
        number < 10 ? "0\(number)" : "\(number)"
    }
}
