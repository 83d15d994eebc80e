/// A well-formed JSON text with its tokens. Values are made from it on demand.
final class JSONDocument: Sendable {
    let bytes: [UInt8]
    let tokens: [JSONScanner.Token]

    init(_ bytes: [UInt8]) throws(MessageError) {
        self.bytes = bytes
        self.tokens = try JSONScanner.tokens(of: bytes)
    }

    var root: JSONNode { JSONNode(document: self, index: 0) }
}
