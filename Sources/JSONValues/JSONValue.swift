/// Any JSON value, kept as it was read: for parts of messages that are only passed on, such as the fields of a log event, or settings of a server that we do
/// not know.
package indirect enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    case number(JSONNumber)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// The number as an integer; nil for anything but a whole number of 64 bits.
    package var integer: Int64? {
        guard case .number(let number) = self else { return nil }
        return Int64(number.literal)
    }

    /// The strings in an array, without its other elements; nil for anything but an array.
    package var strings: [String]? {
        guard case .array(let values) = self else { return nil }
        return values.compactMap { if case .string(let value) = $0 { value } else { nil } }
    }
}
