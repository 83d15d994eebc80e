/// One value inside a `JSONDocument`, and the ways to read it.
///
/// Errors name the key and what stood there; each level adds its own name on the way out, so success pays nothing for that.
package struct JSONNode: Sendable {
    let document: JSONDocument
    let index: Int

    var token: JSONScanner.Token { self.document.tokens[self.index] }

    package var isNull: Bool { self.token.kind == .null }

    /// What stands here in the words of an error message, without its content.
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

    /// Whether this is a string with exactly this text: a variant without data.
    package func isText(_ text: String) throws(MessageError) -> Bool {
        switch self.token.kind {
        case .string, .escapedString: try self.string() == text
        case .object, .array, .number, .yes, .no, .null: false
        }
    }

    // MARK: Objects

    /// The value of a key that must be there. `null` is left to `Value`, which accepts it only if it is an optional.
    package func required<Value: JSONDecodable>(_ key: StaticString, as: Value.Type = Value.self) throws(MessageError) -> Value {
        guard let node = try self.member(key) else {
            throw MessageError(path: [.key("\(key)")], expected: Value.expectation, found: "nothing")
        }
        return try node.decode(Value.self, at: .key("\(key)"))
    }

    /// The value of a key that may be missing or `null`; the two mean the same.
    package func optional<Value: JSONDecodable>(_ key: StaticString, as: Value.Type = Value.self) throws(MessageError) -> Value? {
        guard let node = try self.member(key), !node.isNull else { return nil }
        return try node.decode(Value.self, at: .key("\(key)"))
    }

    /// The value of a key that may be missing but, where it stands, may not be `null`.
    package func value<Value: JSONDecodable>(_ key: StaticString, default: Value) throws(MessageError) -> Value {
        guard let node = try self.member(key) else { return `default` }
        return try node.decode(Value.self, at: .key("\(key)"))
    }

    /// The node of a key; nil when it is missing. Given twice it is an error, because readers differ in which one they take.
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

    /// All members of an object in document order.
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

    /// The only member of an object that stands for a variant with data: `{"Scheduled":{…}}`.
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

    /// Decodes this node; an error is told from the point of view of the container it stands in.
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
