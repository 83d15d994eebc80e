import ProxyCore
import TextEncodings

/// The token of one backend, in the forms in which requests contain it.
struct AccessToken {
    private let token: [UInt8]
    /// The token as the value of our cookie. Bytes that a cookie cannot contain (RFC 6265 §4.1.1) are percent-encoded, so no token can add attributes to the
    /// cookie or lines to the response.
    let cookieValue: [UInt8]

    init(_ token: String) {
        self.token = Array(token.utf8)
        var encoded: [UInt8] = []
        encoded.reserveCapacity(self.token.count)
        for byte in self.token {
            if Self.isCookieCharacter(byte) { encoded.append(byte) } else { encoded.appendPercentEncoded(byte) }
        }
        self.cookieValue = encoded
    }

    private static func isCookieCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "\\"), UInt8(ascii: "%"): false
        default: byte > 0x20 && byte < 0x7F
        }
    }

    /// Whether a cookie with this value admits to the backend. If encoding changes the token, it is also accepted without encoding, as clients of 0.3.24 send
    /// it.
    func opens(cookie value: Range<Int>, in bytes: Span<UInt8>) -> Bool {
        let encoded = Self.isEqual(self.cookieValue, value, bytes)
        let plain = Self.isEqual(self.token, value, bytes)
        return encoded || plain
    }

    /// Whether this value of `Authorization` admits to the backend: `Bearer` or `bearer`, one space, the token.
    func opens(authorization value: Range<Int>, in bytes: Span<UInt8>) -> Bool {
        let scheme = "Bearer ".utf8.count
        guard value.count > scheme else { return false }
        let schemeRange = value.lowerBound..<(value.lowerBound + scheme)
        guard bytes.equals(schemeRange, uppercase: "Bearer ") || bytes.equals(schemeRange, uppercase: "bearer ") else {
            return false
        }
        return Self.isEqual(self.token, schemeRange.upperBound..<value.upperBound, bytes)
    }

    /// Whether these decoded bytes are the token.
    func isEqual(_ candidate: [UInt8]) -> Bool {
        Self.isEqual(self.token, 0..<candidate.count, candidate.span)
    }

    /// Takes the same time wherever two values of equal length differ, so only the length can be found out.
    private static func isEqual(_ secret: [UInt8], _ range: Range<Int>, _ bytes: Span<UInt8>) -> Bool {
        guard secret.count == range.count else { return false }
        var difference: UInt8 = 0
        for offset in 0..<secret.count {
            difference |= secret[offset] ^ bytes[range.lowerBound + offset]
        }
        return difference == 0
    }
}
