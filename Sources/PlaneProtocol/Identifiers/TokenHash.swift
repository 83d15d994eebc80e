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
        let digits = Array("0123456789abcdef".utf8)
        let bytes = digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 0xF)]] }
        precondition(bytes.count == 64, "a SHA-256 has 32 bytes")
        self.rawValue = String(decoding: bytes, as: UTF8.self)
    }
}
