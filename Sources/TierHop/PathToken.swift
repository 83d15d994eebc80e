package import ProxyCore

/// What a visitor's token looks like as the first segment of a path: for those who read it, and for logs, which leave it out.
package enum PathToken: Sendable {
    /// 43 characters of base64url, which are 32 bytes without padding (RFC 4648 §5).
    case random
    /// The same behind `s.`: one for all visitors of a backend.
    case fixed
    /// Three parts of base64url with points between them, a signature of 64 bytes last (RFC 7515 §7.1).
    case signed

    private static let randomLength = 43
    private static let fixedMark: StaticString = "s."
    private static let signatureLength = 86
    /// Nothing shorter says what a token has to say.
    private static let shortestSigned = 128
    private static let longestSigned = 8192

    /// Nil for what cannot be one, and is not worth a question to anybody.
    package init?(_ bytes: Span<UInt8>, _ text: Range<Int>) {
        if text.count == Self.randomLength {
            guard Self.areDigits(bytes, text) else { return nil }
            self = .random
        } else if text.count == Self.randomLength + 2 {
            let mark = text.lowerBound..<(text.lowerBound + 2)
            guard bytes.equals(mark, uppercase: Self.fixedMark), Self.areDigits(bytes, mark.upperBound..<text.upperBound) else { return nil }
            self = .fixed
        } else {
            guard (Self.shortestSigned...Self.longestSigned).contains(text.count) else { return nil }
            let signature = text.upperBound - Self.signatureLength
            guard bytes[signature - 1] == UInt8(ascii: "."),
                let point = bytes.firstIndex(of: UInt8(ascii: "."), in: text.lowerBound..<(signature - 1)), point > text.lowerBound,
                Self.areDigits(bytes, text.lowerBound..<point), Self.areDigits(bytes, (point + 1)..<(signature - 1)),
                Self.areDigits(bytes, signature..<text.upperBound)
            else { return nil }
            self = .signed
        }
    }

    /// The first segment of a path, without its slash.
    ///
    /// - Parameter path: Without the query, and beginning with a slash unless it is empty.
    package static func segment(of bytes: Span<UInt8>, _ path: Range<Int>) -> Range<Int> {
        let start = min(path.lowerBound + 1, path.upperBound)
        return start..<(bytes.firstIndex(of: .slash, in: start..<path.upperBound) ?? path.upperBound)
    }

    /// The first segment of an address's path, if it looks like a token.
    package static func segment(in head: RequestHead, _ bytes: Span<UInt8>) -> Range<Int>? {
        let end = bytes.firstIndex(of: .questionMark, in: head.path) ?? head.path.upperBound
        let segment = self.segment(of: bytes, head.path.lowerBound..<end)
        return self.init(bytes, segment) == nil ? nil : segment
    }

    private static func areDigits(_ bytes: Span<UInt8>, _ text: Range<Int>) -> Bool {
        for index in text {
            let byte = bytes[index]
            guard byte.isDigit || (byte | 0x20) &- 0x61 < 26 || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") else { return false }
        }
        return true
    }
}
