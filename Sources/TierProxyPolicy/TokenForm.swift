import ProxyCore

/// What a token looks like: 43 characters of base64url (RFC 4648 §5, 32 bytes without padding), which a static one has behind `s.`.
enum TokenForm {
    private static let length = 43
    private static let staticMark: StaticString = "s."

    /// Whether it can be one. Anything else is not worth a question to anybody.
    static func matches(_ bytes: Span<UInt8>, _ text: Range<Int>) -> Bool {
        var rest = text
        if text.count == self.length + 2 {
            guard bytes.equals(text.lowerBound..<(text.lowerBound + 2), uppercase: self.staticMark) else { return false }
            rest = (text.lowerBound + 2)..<text.upperBound
        }
        guard rest.count == self.length else { return false }
        for index in rest where !self.isDigit(bytes[index]) { return false }
        return true
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        byte.isDigit || (byte | 0x20) &- 0x61 < 26 || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
    }
}
