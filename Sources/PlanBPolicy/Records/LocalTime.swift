#if canImport(Glibc)
import Glibc
#endif

/// The time in access logs, `21/Nov/2026:02:25:14 +0000`, in the time zone of this machine. Formatted once a second at most.
struct LocalTime {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    private var second: time_t = -1
    private var text: [UInt8] = []

    mutating func now() -> [UInt8] {
        let now = time(nil)
        if now != self.second {
            self.second = now
            self.text = Array(Self.format(now).utf8)
        }
        return self.text
    }

    static func format(_ seconds: time_t) -> String {
        var seconds = seconds
        var parts = tm()
        localtime_r(&seconds, &parts)
        let offset = abs(parts.tm_gmtoff) / 60
        let zone = (parts.tm_gmtoff < 0 ? "-" : "+") + self.digits(offset / 60) + self.digits(offset % 60)
        let date = "\(self.digits(Int(parts.tm_mday)))/\(self.months[Int(parts.tm_mon)])/\(Int(parts.tm_year) + 1900)"
        return "\(date):\(self.digits(Int(parts.tm_hour))):\(self.digits(Int(parts.tm_min))):\(self.digits(Int(parts.tm_sec))) \(zone)"
    }

    private static func digits(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
