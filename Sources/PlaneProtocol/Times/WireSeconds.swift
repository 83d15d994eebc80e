/// A number of whole seconds in a message: any unsigned 64-bit integer.
package struct WireSeconds: RawRepresentable, Hashable, Codable, JSONCodable, ExpressibleByIntegerLiteral, CustomStringConvertible {
    package static var expectation: String { "seconds as an integer" }

    package let rawValue: UInt64

    package init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    package init(integerLiteral seconds: UInt64) {
        self.rawValue = seconds
    }

    package init(json: JSONNode) throws(MessageError) { self.rawValue = try json.integer() }

    package func write(to json: inout JSONWriter) { json.literal(String(self.rawValue)) }

    /// The number for calculations: at most 2^31 s (68 years), so that no calculation with times overflows.
    package var duration: Duration { .seconds(min(self.rawValue, 1 << 31)) }

    package var description: String { "\(self.rawValue) s" }
}
