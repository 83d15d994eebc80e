/// When a stream took a message, by the clock of its leading server.
package struct StreamTime: Sendable, Hashable, Comparable {
    /// Since the Unix epoch.
    package var nanoseconds: UInt64

    package init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    /// Since the Unix epoch, the rest cut off.
    package var seconds: Int64 { Int64(self.nanoseconds / 1_000_000_000) }
    /// Since the Unix epoch, the rest cut off.
    package var milliseconds: Int64 { Int64(self.nanoseconds / 1_000_000) }

    package static func < (left: StreamTime, right: StreamTime) -> Bool { left.nanoseconds < right.nanoseconds }

    /// Reads the server's form, `2026-11-21T10:22:55.123456789Z`: UTC, at most nine digits of a fraction.
    init?(rfc3339 text: String) {
        let bytes = Array(text.utf8)
        func number(_ range: Range<Int>) -> Int64? {
            guard range.upperBound <= bytes.count else { return nil }
            var value: Int64 = 0
            for byte in bytes[range] {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
                value = value * 10 + Int64(byte - UInt8(ascii: "0"))
            }
            return value
        }
        guard bytes.count >= 20, bytes.count <= 30, bytes.last == UInt8(ascii: "Z"),
            let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
            let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
            (1970...2262).contains(year), (1...12).contains(month), (1...31).contains(day)
        else { return nil }
        var fraction: Int64 = 0
        if bytes[19] == UInt8(ascii: ".") {
            guard bytes.count > 21, let digits = number(20..<bytes.count - 1) else { return nil }
            fraction = digits
            for _ in 0..<(9 - (bytes.count - 21)) { fraction *= 10 }
        } else if bytes.count != 20 {
            return nil
        }
        // Days since 1970 of the proleptic Gregorian calendar, counted in years that begin in March.
        let shiftedYear = month > 2 ? year : year - 1
        let shiftedMonth = (month + 9) % 12
        let days = 365 * shiftedYear + shiftedYear / 4 - shiftedYear / 100 + shiftedYear / 400
            + (shiftedMonth * 306 + 5) / 10 + day - 1 - 719_468
        let total = ((days * 24 + hour) * 60 + minute) * 60 + second
        guard total >= 0, total < Int64.max / 1_000_000_000 else { return nil }
        self.nanoseconds = UInt64(total * 1_000_000_000 + fraction)
    }
}
