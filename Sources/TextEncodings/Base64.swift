/// base64 with padding (RFC 4648 §4).
package enum Base64 {
    private static let alphabet = Base64Alphabet("+/")
    private static let padding = UInt8(ascii: "=")

    package static func encode(_ bytes: [UInt8]) -> String {
        var text = self.alphabet.digits(of: bytes)
        text += repeatElement(self.padding, count: (4 - text.count % 4) % 4)
        return String(decoding: text, as: UTF8.self)
    }

    /// Nil for text that is not base64: its length is no multiple of four, it has a wrong character, or padding that is not at the end, or unused bits that
    /// are set.
    package static func decode(_ text: [UInt8]) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        return self.alphabet.bytes(of: text.dropLast(text.suffix(2).count(where: { $0 == self.padding })))
    }
}

/// base64url without padding (RFC 4648 §5), as JOSE writes it (RFC 7515 §2).
package enum Base64URL {
    private static let alphabet = Base64Alphabet("-_")

    package static func encode(_ bytes: some Sequence<UInt8>) -> String {
        String(decoding: self.alphabet.digits(of: Array(bytes)), as: UTF8.self)
    }

    /// Nil for another character, a length that bytes cannot have, or bits left over: one value is written in one way only.
    package static func decode(_ text: some Collection<UInt8>) -> [UInt8]? { self.alphabet.bytes(of: Array(text)[...]) }

    /// Decodes what people paste: either alphabet, with or without padding, and whatever the unused bits are. Nil for anything else.
    package static func decodePasted(_ text: String) -> [UInt8]? {
        var digits = Array(text.utf8)
        while digits.last == UInt8(ascii: "=") { digits.removeLast() }
        let own = digits.map { $0 == UInt8(ascii: "+") ? UInt8(ascii: "-") : $0 == UInt8(ascii: "/") ? UInt8(ascii: "_") : $0 }
        return self.alphabet.bytes(of: own[...], allowsUnusedBits: true)
    }

    package static func isDigit(_ byte: UInt8) -> Bool { self.alphabet.value(of: byte) != nil }

    /// Whether `text` has between 1 and `lengthLimit` characters, all of the alphabet.
    package static func isText(_ text: String, lengthLimit: Int) -> Bool {
        !text.isEmpty && text.utf8.count <= lengthLimit && text.utf8.allSatisfy(self.isDigit)
    }
}

/// The 64 digits, of six bits each. The last two are what the two alphabets of RFC 4648 differ in.
private struct Base64Alphabet {
    private static let notADigit: UInt8 = 0xFF

    private let digits: [UInt8]
    private let values: [UInt8]

    init(_ lastTwo: String) {
        self.digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789\(lastTwo)".utf8)
        var values = [UInt8](repeating: Self.notADigit, count: 256)
        for (value, digit) in self.digits.enumerated() { values[Int(digit)] = UInt8(value) }
        self.values = values
    }

    func value(of digit: UInt8) -> UInt8? {
        let value = self.values[Int(digit)]
        return value == Self.notADigit ? nil : value
    }

    /// Without padding.
    func digits(of bytes: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        var (buffer, bits): (UInt32, UInt32) = (0, 0)
        for byte in bytes {
            buffer = buffer << 8 | UInt32(byte)
            bits += 8
            while bits >= 6 {
                bits -= 6
                text.append(self.digits[Int(buffer >> bits & 0x3F)])
            }
        }
        if bits > 0 { text.append(self.digits[Int(buffer << (6 - bits) & 0x3F)]) }
        return text
    }

    /// Nil for another character, a length that bytes cannot have, or, unless they are allowed, unused bits that are set.
    func bytes(of text: ArraySlice<UInt8>, allowsUnusedBits: Bool = false) -> [UInt8]? {
        guard text.count % 4 != 1 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4 * 3 + 2)
        var (buffer, bits): (UInt32, UInt32) = (0, 0)
        for digit in text {
            guard let value = self.value(of: digit) else { return nil }
            buffer = buffer << 6 | UInt32(value)
            bits += 6
            guard bits >= 8 else { continue }
            bits -= 8
            bytes.append(UInt8(truncatingIfNeeded: buffer >> bits))
        }
        guard allowsUnusedBits || buffer & (1 << bits - 1) == 0 else { return nil }
        return bytes
    }
}
