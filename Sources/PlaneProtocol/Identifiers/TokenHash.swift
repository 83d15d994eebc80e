/// SHA-256 (FIPS 180-4) of a visitor's token or name, in 64 lower-case hexadecimal digits. Streams contain it instead of the text. An addition to 0.3.24.
package struct TokenHash: JSONText, Hashable, Codable {
    package static var expectation: String { "a SHA-256 in 64 of 0-9 and a-f" }

    package let rawValue: String

    package init?(rawValue: String) {
        guard rawValue.utf8.count == 64, rawValue.utf8.allSatisfy({ $0.isASCIIDigit || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0) })
        else { return nil }
        self.rawValue = rawValue
    }

    /// - Parameter digest: 32 bytes.
    package init(digest: some Sequence<UInt8>) {
        var count = 0
        self.rawValue = String(unsafeUninitializedCapacity: 64) { text in
            for byte in digest {
                precondition(count <= 62, "a SHA-256 has 32 bytes")
                text[count] = Self.digit(byte >> 4)
                text[count + 1] = Self.digit(byte & 0xF)
                count += 2
            }
            return count
        }
        precondition(count == 64, "a SHA-256 has 32 bytes")
    }

    private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10 }
}
