import TOMLKit

extension ConfigValue {
    /// Reads a TOML document.
    static func parse(toml text: String, file: String) throws(ConfigMistake) -> ConfigValue {
        // The library takes a C string, and would ignore everything after the first NUL.
        guard !text.utf8.contains(0) else {
            throw ConfigMistake(place: .file(file), found: "a NUL character", expectation: "TOML")
        }
        let document: TOMLTable
        do {
            document = try TOMLTable(string: text)
        } catch let error as TOMLParseError {
            let position = error.source.begin
            throw ConfigMistake(
                place: .file("\(file):\(position.line):\(position.column)"), found: "text that is not TOML (\(Self.reason(error)))", expectation: "TOML")
        } catch {
            throw ConfigMistake(place: .file(file), found: "\(error)", expectation: "TOML")
        }
        return ConfigValue(document)
    }

    /// The library's text without the position, which is shown before it: `while parsing value: expected …`.
    private static func reason(_ error: TOMLParseError) -> String {
        var text = error.description
        if let place = text.firstRange(of: "\n") { text = String(text[..<place.lowerBound]) }
        if text.hasPrefix("Error ") { text = String(text.dropFirst("Error ".count)) }
        return text
    }

    private init(_ table: TOMLTable) {
        var members: [String: ConfigValue] = [:]
        // The table's own iterator is not used, because it traps on a key with an escaped NUL.
        for key in table.keys {
            guard let value = table[key] else { continue }
            members[key] = ConfigValue(value)
        }
        self = .table(members)
    }

    private init(_ value: any TOMLValueConvertible) {
        if let table = value.table {
            self.init(table)
        } else if let array = value.array {
            self = .array((0..<array.count).map { ConfigValue(array[$0]) })
        } else if let text = value.string {
            self = .string(text)
        } else if let number = value.int {
            self = .integer(Int64(number))
        } else if let number = value.double {
            self = .double(number)
        } else if let flag = value.bool {
            self = .boolean(flag)
        } else {
            self = .time
        }
    }
}
