/// The date and the time of day of a moment in UTC.
package struct CalendarTime: Hashable, Sendable {
    package let date: CivilDate
    package let hour: Int64
    package let minute: Int64
    package let second: Int64
    /// The day of the week; 0 is Sunday.
    package let weekday: Int64

    private static let secondsOfDay: Int64 = 86_400
    private static let monthNames = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    private static let weekdayNames = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]

    package init(_ instant: UTCInstant) {
        let days = (instant.seconds - (instant.seconds < 0 ? Self.secondsOfDay - 1 : 0)) / Self.secondsOfDay
        let second = instant.seconds - days * Self.secondsOfDay
        self.date = CivilDate(daysSince1970: days)
        self.hour = second / 3600
        self.minute = second / 60 % 60
        self.second = second % 60
        // 1970-01-01 was a Thursday.
        self.weekday = ((days + 4) % 7 + 7) % 7
    }

    /// The first three letters of the English name, as in HTTP (RFC 9110 §5.6.7) and in logs of web servers.
    package var monthName: String { Self.monthNames[Int(self.date.month) - 1] }
    package var weekdayName: String { Self.weekdayNames[Int(self.weekday)] }
    /// The time of day, as in `09:15:30`.
    package var clock: String { "\(Self.digits(self.hour, 2)):\(Self.digits(self.minute, 2)):\(Self.digits(self.second, 2))" }

    /// The number with at least this many digits.
    package static func digits(_ number: Int64, _ count: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, count - text.utf8.count)) + text
    }
}
