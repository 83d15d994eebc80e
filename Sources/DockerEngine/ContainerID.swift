/// The id or the name of one container on one daemon. Docker accepts a name wherever it accepts an id.
package struct ContainerID: RawRepresentable, Hashable, Sendable {
    /// The longest text that is accepted; an id has 64 characters, our names have fewer.
    private static let lengthLimit = 255

    package let rawValue: String

    /// Accepts what Docker accepts as a name: a letter or digit, then letters, digits, `_`, `.` and `-`.
    package init?(rawValue: String) {
        let bytes = rawValue.utf8
        guard let first = bytes.first, first.isASCIILetterOrDigit, bytes.count <= Self.lengthLimit,
            bytes.allSatisfy({ $0.isASCIILetterOrDigit || $0 == 0x5F || $0 == 0x2E || $0 == 0x2D })
        else { return nil }
        self.rawValue = rawValue
    }
}

extension ContainerID: CustomStringConvertible {
    /// Of a complete id the first twelve digits, as in Docker's own tools.
    package var description: String {
        self.rawValue.utf8.count == 64 ? String(self.rawValue.prefix(12)) : self.rawValue
    }
}

extension ContainerID: Decodable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let id = ContainerID(rawValue: text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "'\(text)' is no container id")
        }
        self = id
    }
}

extension UInt8 {
    var isASCIILetterOrDigit: Bool { self.isASCIIDigit || (0x61...0x7A).contains(self) || (0x41...0x5A).contains(self) }
    var isASCIIDigit: Bool { (0x30...0x39).contains(self) }
}
