/// Bytes as a JSON string: base64 with padding (RFC 4648 §4).
package struct Base64Text: Hashable, Sendable {
    package var bytes: [UInt8]

    package init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    /// The six bits of each character; 0xFF for characters that are not in the alphabet.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 0xFF, count: 256)
        for (value, letter) in Self.alphabet.enumerated() { values[Int(letter)] = UInt8(value) }
        return values
    }()
    private static let padding = UInt8(ascii: "=")

    /// Nil for text that is not base64: its length is no multiple of four, it has a wrong character, or padding that is not at the end, or unused bits that
    /// are set.
    package init?(text: some Collection<UInt8>) {
        guard text.count % 4 == 0 else { return nil }
        let padded = text.suffix(2).filter { $0 == Self.padding }.count
        let letters = text.dropLast(padded)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4 * 3)
        var (bits, count): (UInt32, Int) = (0, 0)
        for letter in letters {
            let value = Self.values[Int(letter)]
            guard value != 0xFF else { return nil }
            bits = bits << 6 | UInt32(value)
            count += 6
            guard count >= 8 else { continue }
            count -= 8
            bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
        }
        guard bits & (1 << UInt32(count) - 1) == 0 else { return nil }
        self.bytes = bytes
    }

    package var text: String {
        var text: [UInt8] = []
        text.reserveCapacity((self.bytes.count + 2) / 3 * 4)
        var start = 0
        while start < self.bytes.count {
            let count = min(3, self.bytes.count - start)
            var bits: UInt32 = 0
            for index in 0..<3 { bits = bits << 8 | (index < count ? UInt32(self.bytes[start + index]) : 0) }
            for index in 0..<4 {
                text.append(index <= count ? Self.alphabet[Int(bits >> UInt32(18 - 6 * index) & 0x3F)] : Self.padding)
            }
            start += 3
        }
        return String(decoding: text, as: UTF8.self)
    }
}

extension Base64Text: JSONCodable {
    package static var expectation: String { "base64" }

    package init(json: JSONNode) throws(MessageError) {
        guard let value = Base64Text(text: Array(try json.string().utf8)) else { throw MessageError(expected: Self.expectation, found: "another string") }
        self = value
    }

    package func write(to json: inout JSONWriter) { json.string(self.text) }
}
