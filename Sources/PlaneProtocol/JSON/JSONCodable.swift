/// A type that can be read from a JSON value.
package protocol JSONDecodable: Sendable {
    /// A text that follows "expected" in error messages: "a string", "an object".
    static var expectation: String { get }

    init(json: JSONNode) throws(MessageError)
}

/// A type that can be written as a JSON value. Writing cannot fail.
package protocol JSONEncodable: Sendable {
    func write(to json: inout JSONWriter)
}

package typealias JSONCodable = JSONDecodable & JSONEncodable

extension JSONDecodable {
    package static var expectation: String { "an object" }
}

// MARK: The standard library's types

extension Bool: JSONCodable {
    package static var expectation: String { "a boolean" }
    package init(json: JSONNode) throws(MessageError) { self = try json.bool() }
    package func write(to json: inout JSONWriter) { json.literal(self ? "true" : "false") }
}

extension String: JSONCodable {
    package static var expectation: String { "a string" }
    package init(json: JSONNode) throws(MessageError) { self = try json.string() }
    package func write(to json: inout JSONWriter) { json.string(self) }
}

extension Double: JSONCodable {
    package static var expectation: String { "a number" }
    package init(json: JSONNode) throws(MessageError) { self = try json.double() }
    /// JSON has no infinity and no NaN, so these are written as `null`.
    package func write(to json: inout JSONWriter) { json.literal(self.isFinite ? self.description : "null") }
}

/// The integer types in messages. A number that does not fit is refused.
package protocol JSONInteger: JSONCodable, FixedWidthInteger {}

extension JSONInteger {
    package static var expectation: String { "an integer" }
    package init(json: JSONNode) throws(MessageError) { self = try json.integer() }
    package func write(to json: inout JSONWriter) { json.literal(String(self)) }
}

extension Int: JSONInteger {}
extension Int64: JSONInteger {}
extension UInt64: JSONInteger {}
extension UInt32: JSONInteger {}
extension UInt16: JSONInteger {}
extension UInt8: JSONInteger {}

extension Optional: JSONEncodable where Wrapped: JSONEncodable {
    package func write(to json: inout JSONWriter) {
        if let value = self { value.write(to: &json) } else { json.literal("null") }
    }
}

extension Array: JSONEncodable where Element: JSONEncodable {
    package func write(to json: inout JSONWriter) { json.array(self) }
}

extension Array: JSONDecodable where Element: JSONDecodable {
    package static var expectation: String { "an array" }
    package init(json: JSONNode) throws(MessageError) {
        self = []
        for (index, element) in try json.elements().enumerated() {
            self.append(try element.decode(Element.self, at: .index(index)))
        }
    }
}

extension Dictionary: JSONEncodable where Key == String, Value: JSONEncodable {
    /// Keys are sorted, so that equal values give equal bytes.
    package func write(to json: inout JSONWriter) {
        json.object { object in
            for (key, value) in self.sorted(by: { $0.key < $1.key }) { object.field(key, value) }
        }
    }
}

extension Dictionary: JSONDecodable where Key == String, Value: JSONDecodable {
    package init(json: JSONNode) throws(MessageError) {
        self = [:]
        for (key, node) in try json.members() {
            let value = try node.decode(Value.self, at: .key(key))
            guard self.updateValue(value, forKey: key) == nil else {
                throw MessageError(path: [.key(key)], expected: "one value", found: "several")
            }
        }
    }
}
