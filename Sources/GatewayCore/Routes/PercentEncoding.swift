/// Percent-encoding of URLs (RFC 3986 §2.1).
package enum PercentEncoding {
    /// - Returns: nil if a `%` begins no valid escape, or the result is not UTF-8.
    package static func decode(_ bytes: some Collection<UInt8>) -> String? {
        guard bytes.contains(UInt8(ascii: "%")) else { return String(validating: bytes, as: UTF8.self) }
        var decoded: [UInt8] = []
        var rest = bytes.makeIterator()
        while let byte = rest.next() {
            guard byte == UInt8(ascii: "%") else {
                decoded.append(byte)
                continue
            }
            guard let high = rest.next().flatMap(self.digit), let low = rest.next().flatMap(self.digit) else { return nil }
            decoded.append(high << 4 | low)
        }
        return String(validating: decoded, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// Encodes one segment of a path or one value of a query: all but unreserved characters are escaped.
    package static func encode(_ text: String) -> String {
        var encoded = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
                UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                encoded += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return encoded
    }
}

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
