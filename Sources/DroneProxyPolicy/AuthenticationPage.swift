import ProxyCore
import TextEncodings

/// `/_plane_auth?token=…&redirect=…`: turns a token in a link into a cookie.
///
/// The proxy answers this path on every backend, whether or not that requires a token, because the token in the link must not get into a backend's log.
struct AuthenticationPage: Equatable {
    static let path: StaticString = "/_plane_auth"

    var token: [UInt8]?
    var redirect: [UInt8]?

    /// Nil if the request is for another path. The query is parsed as an HTML form; if a name is repeated the first one counts.
    init?(_ bytes: Span<UInt8>, path: Range<Int>) {
        let pathEnd = path.lowerBound + Self.path.utf8CodeUnitCount
        guard pathEnd <= path.upperBound, bytes.equals(path.lowerBound..<pathEnd, uppercase: Self.path),
            pathEnd == path.upperBound || bytes[pathEnd] == .questionMark
        else { return nil }
        var start = min(pathEnd + 1, path.upperBound)
        while start < path.upperBound {
            let end = bytes.firstIndex(of: UInt8(ascii: "&"), in: start..<path.upperBound) ?? path.upperBound
            let nameEnd = bytes.firstIndex(of: UInt8(ascii: "="), in: start..<end) ?? end
            let value = min(nameEnd + 1, end)..<end
            if self.token == nil, bytes.equals(start..<nameEnd, uppercase: "token") {
                self.token = Self.formDecoded(bytes, value)
            } else if self.redirect == nil, bytes.equals(start..<nameEnd, uppercase: "redirect") {
                self.redirect = Self.formDecoded(bytes, value)
            }
            start = end + 1
        }
    }

    /// Where to redirect the browser: a path on this host, for a `Location` field. Nil if `redirect` is anything else.
    ///
    /// Browsers take `//host` and `/\host`, also with tabs or line ends in between, for the address of another site.
    var location: [UInt8]? {
        guard let redirect else { return [.slash] }
        guard redirect.first == .slash else { return nil }
        if redirect.count > 1, redirect[1] == .slash || redirect[1] == UInt8(ascii: "\\") { return nil }
        var encoded: [UInt8] = []
        encoded.reserveCapacity(redirect.count)
        for byte in redirect {
            if byte < 0x20 || byte == 0x7F { return nil }
            if byte > 0x20, byte < 0x7F, byte != UInt8(ascii: "\\") {
                encoded.append(byte)
            } else {
                encoded.appendPercentEncoded(byte)
            }
        }
        return encoded
    }

    /// Decodes `application/x-www-form-urlencoded`: a plus is a space, percent and two digits are a byte; everything else is kept.
    private static func formDecoded(_ bytes: Span<UInt8>, _ range: Range<Int>) -> [UInt8] {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(range.count)
        var position = range.lowerBound
        while position < range.upperBound {
            let byte = bytes[position]
            if byte == UInt8(ascii: "%"), position + 2 < range.upperBound,
                let high = bytes[position + 1].hexValue, let low = bytes[position + 2].hexValue
            {
                decoded.append(high << 4 | low)
                position += 3
            } else {
                decoded.append(byte == UInt8(ascii: "+") ? .space : byte)
                position += 1
            }
        }
        return decoded
    }
}
