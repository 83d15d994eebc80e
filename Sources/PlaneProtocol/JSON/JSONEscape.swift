/// One escape sequence of a JSON string (RFC 8259 §7): `\n`, `\u00e9`, or a surrogate pair such as `\ud83d\ude00`.
struct JSONEscape {
    let scalar: Unicode.Scalar
    /// Index of the first byte after the sequence.
    let end: Int

    private init(scalar: Unicode.Scalar, end: Int) {
        self.scalar = scalar
        self.end = end
    }

    /// Parses the sequence that begins with the backslash at `start`; nil if it is cut off, unknown, or half a surrogate pair.
    init?(_ bytes: [UInt8], at start: Int) {
        guard start + 1 < bytes.count else { return nil }
        let letter = bytes[start + 1]
        if letter == UInt8(ascii: "u") {
            self.init(hexAfter: start, in: bytes)
        } else if let scalar = Self.short[letter] {
            self.init(scalar: scalar, end: start + 2)
        } else {
            return nil
        }
    }

    private init?(hexAfter start: Int, in bytes: [UInt8]) {
        guard let unit = Self.unit(bytes, at: start) else { return nil }
        if let scalar = Unicode.Scalar(unit) {
            self.init(scalar: scalar, end: start + 6)
            return
        }
        guard
            (0xD800..<0xDC00).contains(unit), let low = Self.unit(bytes, at: start + 6), (0xDC00..<0xE000).contains(low),
            let scalar = Unicode.Scalar(0x10000 + (UInt32(unit) - 0xD800) << 10 + (UInt32(low) - 0xDC00))
        else { return nil }
        self.init(scalar: scalar, end: start + 12)
    }

    /// The UTF-16 code unit written as `\u` and four digits at `start`.
    private static func unit(_ bytes: [UInt8], at start: Int) -> UInt16? {
        guard start + 6 <= bytes.count, bytes[start] == UInt8(ascii: "\\"), bytes[start + 1] == UInt8(ascii: "u") else { return nil }
        var unit: UInt16 = 0
        for byte in bytes[(start + 2)..<(start + 6)] {
            guard let digit = byte.hexDigitValue else { return nil }
            unit = unit << 4 | UInt16(digit)
        }
        return unit
    }

    private static let short: [UInt8: Unicode.Scalar] = [
        UInt8(ascii: "\""): "\"", UInt8(ascii: "\\"): "\\", UInt8(ascii: "/"): "/", UInt8(ascii: "b"): "\u{8}",
        UInt8(ascii: "f"): "\u{C}", UInt8(ascii: "n"): "\n", UInt8(ascii: "r"): "\r", UInt8(ascii: "t"): "\t",
    ]
}
