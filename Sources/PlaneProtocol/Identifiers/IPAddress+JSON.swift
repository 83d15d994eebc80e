package import NetworkAddresses

extension IPAddress: JSONCodable {
    package static var expectation: String { "an IPv4 or IPv6 address" }

    package init(json: JSONNode) throws(MessageError) {
        let text = try json.string()
        guard let address = Self(text) else { throw MessageError(expected: Self.expectation, found: MessageError.excerpt(text)) }
        self = address
    }

    package func write(to json: inout JSONWriter) { json.string(self.description) }
}
