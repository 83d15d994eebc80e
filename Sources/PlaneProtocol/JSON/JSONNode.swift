/// One value inside of a `JSONDocument`, and the ways to read it.
///
/// Errors name the key and what was found; each level adds its own name as the error passes it, so success costs nothing.
package struct JSONNode: Sendable {
    let document: JSONDocument
    let index: Int

    var token: JSONScanner.Token { self.document.tokens[self.index] }

    package var isNull: Bool { self.token.kind == .null }

    /// The kind of the value for an error message, without its content.
    var kindDescription: String {
        switch self.token.kind {
        case .object: "an object"
        case .array: "an array"
        case .string, .escapedString: "a string"
        case .number: "a number"
        case .yes, .no: "a boolean"
        case .null: "null"
        }
    }

    package func mismatch(_ expected: String) -> MessageError {
        MessageError(expected: expected, found: self.kindDescription)
    }

    /// Whether this is a string with exactly this text, as is a variant without data.
    package func isText(_ text: String) throws(MessageError) -> Bool {
        switch self.token.kind {
        case .string, .escapedString: try self.string() == text
        case .object, .array, .number, .yes, .no, .null: false
        }
    }

    // MARK: Objects

    /// The value of a required key. `null` is passed to `Value`, which accepts it only if it is an optional.
    package func required<Value: JSONDecodable>(_ key: StaticString, as: Value.Type = Value.self) throws(MessageError) -> Value {
        guard let node = try self.member(key) else {
            throw MessageError(path: [.key("\(key)")], expected: Value.expectation, found: "nothing")
        }
        return try node.decode(Value.self, at: .key("\(key)"))
    }

    /// The value of a key that may be missing or `null`, which mean the same.
    package func optional<Value: JSONDecodable>(_ key: StaticString, as: Value.Type = Value.self) throws(MessageError) -> Value? {
        guard let node = try self.member(key), !node.isNull else { return nil }
        return try node.decode(Value.self, at: .key("\(key)"))
    }

    /// The value of a key that may be missing but not `null`.
    package func value<Value: JSONDecodable>(_ key: StaticString, default: Value) throws(MessageError) -> Value {
        guard let node = try self.member(key) else { return `default` }
        return try node.decode(Value.self, at: .key("\(key)"))
    }

    /// The node of a key; nil if it is missing. A key that is there twice is an error, because readers differ in which one they use.
    package func member(_ key: StaticString) throws(MessageError) -> JSONNode? {
        guard self.token.kind == .object else { throw self.mismatch("an object") }
        var found: JSONNode?
        var index = self.index + 1
        while index < Int(self.token.next) {
            let value = JSONNode(document: self.document, index: index + 1)
            if try self.isKey(key, at: index) {
                guard found == nil else { throw MessageError(path: [.key("\(key)")], expected: "one value", found: "several") }
                found = value
            }
            index = Int(value.token.next)
        }
        return found
    }

    /// All members of an object, in the order of the document.
    package func members() throws(MessageError) -> [(key: String, value: JSONNode)] {
        guard self.token.kind == .object else { throw self.mismatch("an object") }
        var members: [(key: String, value: JSONNode)] = []
        var index = self.index + 1
        while index < Int(self.token.next) {
            let value = JSONNode(document: self.document, index: index + 1)
            members.append((try JSONNode(document: self.document, index: index).string(), value))
            index = Int(value.token.next)
        }
        return members
    }

    /// The only member of an object that is a variant with data: `{"Scheduled":{…}}`.
    package func variant(expectation: String) throws(MessageError) -> (tag: String, value: JSONNode) {
        guard self.token.kind == .object else { throw self.mismatch(expectation) }
        let members = try self.members()
        guard members.count == 1 else { throw MessageError(expected: expectation, found: "an object with \(members.count) keys") }
        return (members[0].key, members[0].value)
    }

    // MARK: Arrays

    package func elements() throws(MessageError) -> [JSONNode] {
        guard self.token.kind == .array else { throw self.mismatch("an array") }
        var elements: [JSONNode] = []
        var index = self.index + 1
        while index < Int(self.token.next) {
            let element = JSONNode(document: self.document, index: index)
            elements.append(element)
            index = Int(element.token.next)
        }
        return elements
    }

    // MARK: Inside

    /// Decodes this node; an error is reported with the name of the node in its container.
    func decode<Value: JSONDecodable>(_: Value.Type, at step: @autoclosure () -> MessageError.Step) throws(MessageError) -> Value {
        do {
            return try Value(json: self)
        } catch {
            throw error.inside(step())
        }
    }

    private func isKey(_ key: StaticString, at index: Int) throws(MessageError) -> Bool {
        let token = self.document.tokens[index]
        guard token.kind == .string else { return try JSONNode(document: self.document, index: index).string() == "\(key)" }
        let length = key.utf8CodeUnitCount
        guard Int(token.end - token.start) == length else { return false }
        for offset in 0..<length where self.document.bytes[Int(token.start) + offset] != key.utf8Start[offset] { return false }
        return true
    }
}

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
