package import JSONValues

extension JSONValue: JSONCodable {
    package static var expectation: String { "a value" }

    package init(json: JSONNode) throws(MessageError) {
        switch json.token.kind {
        case .null: self = .null
        case .yes: self = .bool(true)
        case .no: self = .bool(false)
        case .number: self = .number(try JSONNumber(json: json))
        case .string, .escapedString: self = .string(try json.string())
        case .array: self = .array(try [JSONValue](json: json))
        case .object: self = .object(try [String: JSONValue](json: json))
        }
    }

    package func write(to json: inout JSONWriter) {
        switch self {
        case .null: json.literal("null")
        case .bool(let value): value.write(to: &json)
        case .number(let number): json.literal(number.literal)
        case .string(let text): json.string(text)
        case .array(let elements): json.array(elements)
        case .object(let members): members.write(to: &json)
        }
    }
}

extension JSONValue {
    /// A text in a log event: the JSON value, if the text is valid JSON, and otherwise a string.
    package init(embedding text: String) {
        do {
            self = try WireCodec.decode(JSONValue.self, from: Array(text.utf8))
        } catch {
            self = .string(text)
        }
    }
}

extension JSONNumber {
    init(json: JSONNode) throws(MessageError) {
        guard json.token.kind == .number else { throw json.mismatch("a number") }
        self.init(literal: String(decoding: json.literal, as: UTF8.self))
    }
}
