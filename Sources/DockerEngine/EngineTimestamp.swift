/// A moment as Docker tells it, to the nanosecond; `since` parameters take it back in the same precision.
package struct EngineTimestamp: Hashable, Sendable {
    /// Since 1970-01-01T00:00:00Z, without leap seconds. Never negative.
    package var seconds: Int64
    /// Below 1 000 000 000.
    package var nanoseconds: Int64

    private static let nanosecondsPerSecond: Int64 = 1_000_000_000

    package init(seconds: Int64, nanoseconds: Int64 = 0) {
        self.seconds = max(0, seconds)
        self.nanoseconds = min(max(0, nanoseconds), Self.nanosecondsPerSecond - 1)
    }

    /// Since 1970, in nanoseconds; lasts until 2262.
    package init(nanosecondsSince1970 nanoseconds: Int64) {
        self.init(
            seconds: nanoseconds / Self.nanosecondsPerSecond, nanoseconds: nanoseconds % Self.nanosecondsPerSecond)
    }

    /// The smallest moment after this one: where to go on after what carries this time was seen.
    package var next: EngineTimestamp {
        guard self.nanoseconds == Self.nanosecondsPerSecond - 1 else {
            return EngineTimestamp(seconds: self.seconds, nanoseconds: self.nanoseconds + 1)
        }
        guard self.seconds < .max else { return self }
        return EngineTimestamp(seconds: self.seconds + 1)
    }

    /// The form of `since`: seconds, a dot, nine digits.
    package var queryValue: String {
        let digits = String(self.nanoseconds)
        return "\(self.seconds).\(String(repeating: "0", count: 9 - digits.count))\(digits)"
    }
}

extension EngineTimestamp: Comparable {
    package static func < (left: EngineTimestamp, right: EngineTimestamp) -> Bool {
        (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
    }
}
