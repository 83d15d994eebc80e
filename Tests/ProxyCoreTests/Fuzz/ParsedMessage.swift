/// One message as a parser understood it.
struct ParsedMessage: Equatable {
    /// Method and target, or status.
    var startLine: [String]
    var isHTTP10: Bool
    /// Names in lower case, values without blanks around them.
    var fields: [Field]
    var body: [UInt8]
    var trailers: [Field]

    struct Field: Equatable, Comparable {
        var name: String
        var value: String

        init(_ name: String, _ value: String) {
            self.name = name.lowercased()
            self.value = value
        }

        static func < (left: Field, right: Field) -> Bool { (left.name, left.value) < (right.name, right.value) }
    }

    func values(_ name: String) -> [String] { self.fields.filter { $0.name == name }.map(\.value) }

    /// Without spaces and tabs at either end.
    static func trimmed(_ text: some StringProtocol) -> String {
        var text = Substring(text)
        while let first = text.utf8.first, first == 0x20 || first == 0x09 { text = Substring(text.utf8.dropFirst()) }
        while let last = text.utf8.last, last == 0x20 || last == 0x09 { text = Substring(text.utf8.dropLast()) }
        return String(text)
    }
}
