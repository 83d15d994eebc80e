/// The `filters` parameter: a JSON object of lists.
enum EngineFilter {
    static func encode(_ filters: [String: [String]]) -> String {
        let entries = filters.sorted { $0.key < $1.key }.map { key, values in
            "\(Self.quote(key)):[\(values.map(Self.quote).joined(separator: ","))]"
        }
        return "{\(entries.joined(separator: ","))}"
    }

    /// RFC 8259 §7.
    private static func quote(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\u{0}"..."\u{1F}":
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
