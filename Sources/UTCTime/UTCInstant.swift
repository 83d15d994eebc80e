/// A moment, to the nanosecond, within the years 0000 to 9999 that RFC 3339 can write. Leap seconds are not counted.
package struct UTCInstant: Hashable, Sendable {
    /// Whole seconds since 1970-01-01T00:00:00Z.
    package let seconds: Int64
    /// 0 to 999 999 999, counted forward from `seconds`.
    package let nanoseconds: Int32

    private static let nanosecondsPerSecond: Int64 = 1_000_000_000
    /// 0000-01-01T00:00:00Z
    private static let firstSecond: Int64 = -62_167_219_200
    /// 9999-12-31T23:59:59Z
    private static let lastSecond: Int64 = 253_402_300_799

    /// Values outside the years 0000 to 9999 are moved to the nearest end.
    package init(seconds: Int64, nanoseconds: Int32 = 0) {
        self.seconds = min(max(seconds, Self.firstSecond), Self.lastSecond)
        self.nanoseconds = min(max(nanoseconds, 0), 999_999_999)
    }

    /// Times from 1677 to 2262 can be given like this.
    package init(nanosecondsSince1970 nanoseconds: Int64) {
        let (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: Self.nanosecondsPerSecond)
        let borrowed: Int64 = rest < 0 ? 1 : 0
        self.init(seconds: seconds - borrowed, nanoseconds: Int32(rest + borrowed * Self.nanosecondsPerSecond))
    }

    /// The smallest time after this one, for reading on after something with this time.
    package var next: UTCInstant {
        guard self.nanoseconds == 999_999_999 else { return UTCInstant(seconds: self.seconds, nanoseconds: self.nanoseconds + 1) }
        guard self.seconds < Self.lastSecond else { return self }
        return UTCInstant(seconds: self.seconds + 1)
    }
}

extension UTCInstant: Comparable {
    package static func < (left: UTCInstant, right: UTCInstant) -> Bool {
        (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
    }
}
