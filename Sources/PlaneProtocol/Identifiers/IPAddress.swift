/// An IPv4 or IPv6 address, written as a literal without brackets or zone: `203.0.113.7`, `2001:db8::7`.
package enum IPAddress: Hashable, Sendable {
    case v4(UInt32)
    case v6(high: UInt64, low: UInt64)
}

extension IPAddress: JSONCodable {
    package static var expectation: String { "an IPv4 or IPv6 address" }

    package init(json: JSONNode) throws(MessageError) {
        let text = try json.string()
        guard let address = Self(text) else { throw MessageError(expected: Self.expectation, found: MessageError.excerpt(text)) }
        self = address
    }

    package func write(to json: inout JSONWriter) { json.string(self.description) }
}
