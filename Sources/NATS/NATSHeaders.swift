/// The headers of a message: names with one or more values, in order. Names are compared byte by byte, as NATS does.
package struct NATSHeaders: Sendable, Hashable, ExpressibleByDictionaryLiteral {
    package struct Field: Sendable, Hashable {
        package var name: String
        package var value: String
    }

    package static let empty = NATSHeaders()

    package private(set) var fields: [Field] = []

    package init() {}

    package init(dictionaryLiteral elements: (String, String)...) {
        self.fields = elements.map { Field(name: $0.0, value: $0.1) }
    }

    package var isEmpty: Bool { self.fields.isEmpty }

    /// The first value of `name`.
    package subscript(name: String) -> String? {
        self.fields.first { $0.name == name }?.value
    }

    package mutating func append(_ name: String, _ value: String) {
        self.fields.append(Field(name: name, value: value))
    }

    /// Whether every field can go on the wire: a line break or a colon in the wrong place would start a line of its own.
    var areWellFormed: Bool {
        self.fields.allSatisfy { field in
            !field.name.isEmpty
                && field.name.utf8.allSatisfy { $0 > 0x20 && $0 != UInt8(ascii: ":") && $0 < 0x7f }
                && field.value.utf8.allSatisfy { $0 != 0 && $0 != UInt8(ascii: "\r") && $0 != UInt8(ascii: "\n") }
        }
    }
}
