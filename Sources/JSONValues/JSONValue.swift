/// Any JSON value, kept as it came: for parts of messages that only travel through us, such as the fields of a log event or what a server's
/// configuration holds beside what we know.
package indirect enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    case number(JSONNumber)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// nil for anything but a whole number of 64 bits.
    package var integer: Int64? {
        guard case .number(let number) = self else { return nil }
        return Int64(number.literal)
    }

    /// Those of an array that are strings; nil for anything but an array.
    package var strings: [String]? {
        guard case .array(let values) = self else { return nil }
        return values.compactMap { if case .string(let value) = $0 { value } else { nil } }
    }
}
