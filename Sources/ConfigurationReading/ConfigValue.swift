/// A value as in the file or the environment, before it is known what type it should have.
package indirect enum ConfigValue: Hashable, Sendable {
    case table([String: ConfigValue])
    case array([ConfigValue])
    case string(String)
    case integer(Int64)
    case double(Double)
    case boolean(Bool)
    /// A TOML date or time, which no key accepts.
    case time
    /// An environment variable. The key decides whether `12345` is a number, a token or a list with one element.
    case variable(name: String, text: String)
}

extension ConfigValue {
    /// Of a table; of a list of tables, each under its number, from 1, so that variables can name one of them. Nil for anything else.
    var members: [String: ConfigValue]? {
        switch self {
        case .table(let members): members
        case .array(let elements) where !elements.isEmpty && elements.allSatisfy(\.isTable):
            Dictionary(uniqueKeysWithValues: elements.enumerated().map { (String($0.offset + 1), $0.element) })
        case .array, .string, .integer, .double, .boolean, .time, .variable: nil
        }
    }

    var isTable: Bool {
        if case .table = self { return true }
        return false
    }
}

// MARK: Coercion: numbers may be written as strings and the other way round

extension ConfigValue {
    package var asString: String? {
        switch self {
        case .string(let text), .variable(_, let text): text
        case .integer(let number): String(number)
        case .double(let number): String(number)
        case .boolean(let flag): String(flag)
        case .table, .array, .time: nil
        }
    }

    package var asInteger: Int64? {
        switch self {
        case .integer(let number): number
        case .string(let text), .variable(_, let text): Int64(text)
        case .double(let number): Int64(exactly: number)
        case .boolean, .table, .array, .time: nil
        }
    }

    package var asBoolean: Bool? {
        switch self {
        case .boolean(let flag): return flag
        case .integer(0): return false
        case .integer(1): return true
        case .string(let text), .variable(_, let text):
            switch text.lowercased() {
            case "true", "on", "yes", "1": return true
            case "false", "off", "no", "0": return false
            default: return nil
            }
        case .integer, .double, .table, .array, .time: return nil
        }
    }

    /// The value as an array. A variable contains a list with commas; a single value is a list with one element.
    package var asArray: [ConfigValue]? {
        switch self {
        case .array(let elements): elements
        case .variable(let name, let text):
            text.split(separator: ",").map { .variable(name: name, text: $0.trimmingSpaces) }
        case .string: [self]
        case .integer, .double, .boolean, .table, .time: nil
        }
    }

    /// Advice for a table whose keys are chosen by the operator: TOML reads a name with dots as nested tables, unless it is quoted.
    package var adviceToQuote: String? {
        guard case .table(let members) = self, let (name, inner) = members.sorted(by: { $0.key < $1.key }).first(where: { $0.value.firstPath != nil }),
            let rest = inner.firstPath
        else { return nil }
        return "a name with dots is quoted: \(TOMLText.quoted("\(name).\(rest)")) = …"
    }

    /// The keys that lead to the first value in a table; nil for what is no table, or has no value.
    private var firstPath: String? {
        guard case .table(let members) = self, let (name, inner) = members.min(by: { $0.key < $1.key }) else { return nil }
        return inner.firstPath.map { "\(name).\($0)" } ?? name
    }

    /// The value for an error message: `"abc"`, `70000`, `a table`, `an empty list`.
    var excerpt: String {
        switch self {
        case .table(let members): members.isEmpty ? "an empty table" : "a table"
        case .array(let elements): elements.isEmpty ? "an empty list" : "a list"
        case .string(let text), .variable(_, let text): Self.excerpt(text)
        case .integer(let number): String(number)
        case .double(let number): String(number)
        case .boolean(let flag): String(flag)
        case .time: "a date or time"
        }
    }

    /// How many characters of a value a message shows.
    private static let excerptLength = 80

    private static func excerpt(_ text: String) -> String {
        text.count > self.excerptLength ? "\(TOMLText.quoted(String(text.prefix(self.excerptLength))))…" : TOMLText.quoted(text)
    }
}

extension Substring {
    fileprivate var trimmingSpaces: String {
        var text = self
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
