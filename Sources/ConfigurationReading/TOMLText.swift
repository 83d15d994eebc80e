/// Writes values as TOML (v1.0.0).
package enum TOMLText {
    /// A basic string, with escapes.
    package static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\t": quoted += "\\t"
            case "\r": quoted += "\\r"
            case _ where scalar.properties.generalCategory == .control:
                let digits = String(scalar.value, radix: 16, uppercase: true)
                quoted += "\\u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }

    /// A key, quoted only if it must be.
    static func key(_ key: String) -> String {
        let isBare = key.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        return isBare && !key.isEmpty ? key : self.quoted(key)
    }

    /// The value on one line; tables are inline.
    static func value(_ value: ConfigValue) -> String {
        switch value {
        case .table(let members):
            let pairs = members.sorted { $0.key < $1.key }.map { "\(self.key($0.key)) = \(self.value($0.value))" }
            return pairs.isEmpty ? "{}" : "{ \(pairs.joined(separator: ", ")) }"
        case .array(let elements): return "[\(elements.map(self.value).joined(separator: ", "))]"
        case .string(let text), .variable(_, let text): return self.quoted(text)
        case .integer(let number): return String(number)
        case .double(let number): return String(number)
        case .boolean(let flag): return String(flag)
        case .time: return "\"\""
        }
    }
}
