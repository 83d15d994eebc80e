import TextEncodings

/// Bytes as a JSON string: base64 with padding (RFC 4648 §4).
package struct Base64Text: Hashable, Sendable {
    package var bytes: [UInt8]

    package init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

    /// Nil for text that is not base64.
    package init?(text: [UInt8]) {
        guard let bytes = Base64.decode(text) else { return nil }
        self.bytes = bytes
    }

    package var text: String { Base64.encode(self.bytes) }
}

extension Base64Text: JSONCodable {
    package static var expectation: String { "base64" }

    package init(json: JSONNode) throws(MessageError) {
        guard let value = Base64Text(text: Array(try json.string().utf8)) else { throw MessageError(expected: Self.expectation, found: "another string") }
        self = value
    }

    package func write(to json: inout JSONWriter) { json.string(self.text) }
}
