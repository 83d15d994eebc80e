import TextEncodings

/// The fields of a query, or of a form (`application/x-www-form-urlencoded`). A name may be repeated; the order is kept.
package struct QueryFields: Hashable, Sendable {
    package let fields: [(name: String, value: String)]

    /// How many fields are read at most; further ones are ignored.
    private static let limit = 64

    package init(_ text: some StringProtocol) {
        self.fields = text.utf8.split(separator: UInt8(ascii: "&")).prefix(Self.limit).compactMap { field -> (name: String, value: String)? in
            let parts = field.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            func text(_ part: some Collection<UInt8>) -> String? {
                PercentEncoding.decode(part.map { $0 == UInt8(ascii: "+") ? UInt8(ascii: " ") : $0 })
            }
            guard let name = text(parts[0]), let value = parts.count > 1 ? text(parts[1]) : "" else { return nil }
            return (name, value)
        }
    }

    /// The value of the first field with this name.
    package subscript(name: String) -> String? { self.fields.first { $0.name == name }?.value }
    package func all(_ name: String) -> [String] { self.fields.filter { $0.name == name }.map(\.value) }

    package static func == (left: QueryFields, right: QueryFields) -> Bool {
        left.fields.elementsEqual(right.fields) { $0.name == $1.name && $0.value == $1.value }
    }

    package func hash(into hasher: inout Hasher) { for field in self.fields { hasher.combine(field.name) } }
}
