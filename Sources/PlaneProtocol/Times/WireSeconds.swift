/// A number of whole seconds as messages write it: any unsigned 64-bit integer.
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

    /// For calculations: at most 2^31 s (68 years), which no arithmetic on clocks can overflow.
    package var duration: Duration { .seconds(min(self.rawValue, 1 << 31)) }

    package var description: String { "\(self.rawValue) s" }
}
