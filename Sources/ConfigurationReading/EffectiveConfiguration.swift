/// The settings in effect, as a TOML file with the same meaning, except for secrets, which are not shown.
package struct EffectiveConfiguration: CustomStringConvertible {
    private let entries: [ConfigEntry]

    package init(_ entries: [ConfigEntry]) {
        self.entries = entries
    }

    package var description: String {
        var lines: [String] = []
        // Keys of the top level come first: behind a table's header they would belong to that table.
        for table in self.tables {
            if !table.isEmpty {
                if !lines.isEmpty { lines.append("") }
                lines.append("[\(table.map(TOMLText.key).joined(separator: "."))]")
            }
            for entry in self.entries where Array(entry.path.dropLast()) == table {
                guard let key = entry.path.last, let value = entry.value else { continue }
                lines.append("\(TOMLText.key(key)) = \(TOMLText.value(value))")
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The tables in the order of their first key, without empty ones.
    private var tables: [[String]] {
        var tables: [[String]] = [[]]
        for entry in self.entries where entry.value != nil {
            let table = Array(entry.path.dropLast())
            if !tables.contains(table) { tables.append(table) }
        }
        return tables
    }
}
