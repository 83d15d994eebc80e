/// A time as in messages of the stream: whole milliseconds since 1970-01-01T00:00:00Z, possibly negative.
package struct StateTime: RawRepresentable, Hashable, Codable, Comparable, JSONCodable, CustomStringConvertible {
    package static var expectation: String { "milliseconds since 1970 as an integer" }

    package let rawValue: Int64

    package init(rawValue: Int64) {
        self.rawValue = rawValue
    }

    package init(milliseconds: Int64) {
        self.rawValue = milliseconds
    }

    package init(json: JSONNode) throws(MessageError) { self.rawValue = try json.integer() }

    package func write(to json: inout JSONWriter) { json.literal(String(self.rawValue)) }

    package static func < (left: StateTime, right: StateTime) -> Bool { left.rawValue < right.rawValue }

    /// The time between the two; negative if `earlier` is later. A result out of range becomes the nearest end.
    package func since(_ earlier: StateTime) -> Duration {
        let (difference, overflow) = self.rawValue.subtractingReportingOverflow(earlier.rawValue)
        return .milliseconds(overflow ? (self < earlier ? Int64.min : Int64.max) : difference)
    }

    /// The time after `duration`. A result out of range becomes the nearest end.
    package func adding(_ duration: Duration) -> StateTime {
        let (seconds, attoseconds) = duration.components
        let (thousands, tooMany) = seconds.multipliedReportingOverflow(by: 1000)
        let (sum, overflow) = self.rawValue.addingReportingOverflow(
            tooMany ? (seconds < 0 ? .min : .max) : thousands &+ attoseconds / 1_000_000_000_000_000)
        return StateTime(milliseconds: overflow ? (seconds < 0 ? .min : .max) : sum)
    }

    package var description: String { WireTime(self).description }
}
