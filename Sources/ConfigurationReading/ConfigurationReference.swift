/// The table of all keys of a file in dev/docs/configuration.md, made from the declarations that read them.
package struct ConfigurationReference: CustomStringConvertible {
    private let entries: [ConfigEntry]

    package init<Configuration: ConfigReadable>(of type: Configuration.Type) {
        self.entries = ConfigurationLoader.describe(type)
    }

    /// Every key, in the order in which they are read.
    package var keys: [String] { self.entries.map(\.key) }

    /// The table in GitHub's Markdown.
    package var description: String {
        let rows = self.entries.map { entry in
            "| `\(entry.key)` | \(Self.cell(Self.capitalised(entry.expectation))) | \(Self.initial(entry)) | \(Self.cell(entry.summary)) |"
        }
        return (["| key | value | if not set | what it does |", "|---|---|---|---|"] + rows).joined(separator: "\n")
    }

    private static func initial(_ entry: ConfigEntry) -> String {
        switch entry.presence {
        case .required: "required"
        case .optional: "–"
        case .defaulted: entry.value.map { "`\(TOMLText.value($0))`" } ?? "–"
        }
    }

    private static func capitalised(_ text: String) -> String {
        for article in ["a ", "an "] where text.hasPrefix(article) { return String(text.dropFirst(article.count)) }
        return text
    }

    /// A bar would end the cell, and angle brackets would be read as HTML.
    private static func cell(_ text: String) -> String {
        text.reduce(into: "") { cell, character in
            switch character {
            case "|": cell += "\\|"
            case "<": cell += "&lt;"
            case ">": cell += "&gt;"
            default: cell.append(character)
            }
        }
    }
}
