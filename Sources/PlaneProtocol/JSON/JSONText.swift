/// A type that is written as a JSON string, but does not accept every string: ids, states, names of variants.
package protocol JSONText: JSONCodable, RawRepresentable, CustomStringConvertible where RawValue == String {}

extension JSONText {
    package init(json: JSONNode) throws(MessageError) {
        let text = try json.string()
        guard let value = Self(rawValue: text) else { throw MessageError(expected: Self.expectation, found: MessageError.excerpt(text)) }
        self = value
    }

    package func write(to json: inout JSONWriter) { json.string(self.rawValue) }

    package var description: String { self.rawValue }
}

extension JSONText where Self: CaseIterable {
    package static var expectation: String { "one of " + self.allCases.map(\.rawValue).joined(separator: ", ") }
}
