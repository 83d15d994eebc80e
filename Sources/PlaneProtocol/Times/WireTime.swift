package import UTCTime

/// A time as in messages (RFC 3339, `2024-03-11T09:15:30.123456789Z`), exact to the nanosecond.
package struct WireTime: Hashable, Sendable {
    package let instant: UTCInstant

    package init(_ instant: UTCInstant) {
        self.instant = instant
    }

    /// Times outside of the years 0000 to 9999, which RFC 3339 cannot write, become the nearest end.
    package init(seconds: Int64, nanoseconds: Int32 = 0) {
        self.init(UTCInstant(seconds: seconds, nanoseconds: nanoseconds))
    }

    /// Whole seconds since 1970-01-01T00:00:00Z.
    package var seconds: Int64 { self.instant.seconds }
    /// 0 to 999 999 999, counted forward from `seconds`.
    package var nanoseconds: Int32 { self.instant.nanoseconds }

    package init(_ time: StateTime) {
        let (seconds, milliseconds) = time.rawValue.quotientAndRemainder(dividingBy: 1000)
        let borrowed: Int64 = milliseconds < 0 ? 1 : 0
        self.init(seconds: seconds - borrowed, nanoseconds: Int32(milliseconds + 1000 * borrowed) * 1_000_000)
    }

    /// The same time, cut to milliseconds.
    package var stateTime: StateTime {
        StateTime(milliseconds: self.seconds * 1000 + Int64(self.nanoseconds) / 1_000_000)
    }
}

extension WireTime: Comparable {
    package static func < (left: WireTime, right: WireTime) -> Bool { left.instant < right.instant }
}

extension WireTime: LosslessStringConvertible, JSONCodable {
    package static var expectation: String { "a time such as 2024-03-11T09:15:30.123Z" }

    /// Parses a time as in RFC 3339 §5.6; see `UTCInstant`.
    package init?(_ text: String) {
        guard let instant = UTCInstant(text) else { return nil }
        self.init(instant)
    }

    package init(json: JSONNode) throws(MessageError) {
        let text = try json.string()
        guard let time = Self(text) else { throw MessageError(expected: Self.expectation, found: MessageError.excerpt(text)) }
        self = time
    }

    package func write(to json: inout JSONWriter) { json.string(self.description) }

    /// The time with 0, 3, 6 or 9 digits of fraction, as few as are exact, and always with `Z`.
    package var description: String { self.instant.description }
}
