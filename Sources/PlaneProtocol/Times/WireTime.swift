/// A moment as messages write it (RFC 3339, `2024-03-11T09:15:30.123456789Z`), exact to the nanosecond.
package struct WireTime: Hashable, Sendable {
    /// Whole seconds since 1970-01-01T00:00:00Z, within the years 0000 to 9999.
    package let seconds: Int64
    /// 0 to 999 999 999, counted forward from `seconds`.
    package let nanoseconds: Int32

    /// Values outside the years 0000 to 9999, which RFC 3339 cannot write, are moved to the nearest end.
    package init(seconds: Int64, nanoseconds: Int32 = 0) {
        self.seconds = min(max(seconds, Self.firstSecond), Self.lastSecond)
        self.nanoseconds = min(max(nanoseconds, 0), 999_999_999)
    }

    package init(_ time: WorldTime) {
        let (seconds, milliseconds) = time.rawValue.quotientAndRemainder(dividingBy: 1000)
        let borrowed: Int64 = milliseconds < 0 ? 1 : 0
        self.init(seconds: seconds - borrowed, nanoseconds: Int32(milliseconds + 1000 * borrowed) * 1_000_000)
    }

    /// The same moment, cut to milliseconds.
    package var worldTime: WorldTime {
        WorldTime(milliseconds: self.seconds * 1000 + Int64(self.nanoseconds) / 1_000_000)
    }

    /// 0000-01-01T00:00:00Z
    private static let firstSecond: Int64 = -62_167_219_200
    /// 9999-12-31T23:59:59Z
    private static let lastSecond: Int64 = 253_402_300_799
}

extension WireTime: Comparable {
    package static func < (left: WireTime, right: WireTime) -> Bool {
        (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
    }
}
