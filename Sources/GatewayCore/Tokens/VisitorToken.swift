import Crypto
package import PlaneProtocol
import TextEncodings
import VisitorTokens

/// A visitor's token, which is a part of a URL's path: 32 random bytes in base64url without padding (RFC 4648 §5), which are 43 characters. If all visitors
/// of a backend share one token it begins with `s.`.
package struct VisitorToken: Hashable, Sendable {
    package let text: Secret

    package static let bytes = 32
    package static let characters = 43
    private static let staticPrefix = "s."

    /// - Parameter generator: must be a cryptographic one, as the system's is.
    package static func random(isStatic: Bool = false, using generator: inout some RandomNumberGenerator) -> VisitorToken {
        VisitorToken(text: Secret((isStatic ? self.staticPrefix : "") + self.randomText(using: &generator).exposed))
    }

    /// Only the random part.
    package static func randomText(using generator: inout some RandomNumberGenerator) -> Secret {
        // Eight bytes at a time: of the system's generator each number is a call into the kernel.
        var bytes: [UInt8] = []
        bytes.reserveCapacity(self.bytes)
        while bytes.count < self.bytes {
            let number: UInt64 = generator.next()
            for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: number >> UInt64(shift))) }
        }
        return Secret(Base64URL.encode(bytes))
    }

    private init(text: Secret) { self.text = text }

    /// Nil for a text that no gateway can have made.
    package init?(text: String) {
        let rest = text.hasPrefix(Self.staticPrefix) ? text.dropFirst(2) : text[...]
        guard rest.utf8.count == Self.characters, rest.utf8.allSatisfy(Base64URL.isDigit) else { return nil }
        self.text = Secret(text)
    }

    package var isStatic: Bool { self.text.exposed.hasPrefix(Self.staticPrefix) }
    package var hash: TokenHash { TokenHash(of: self.text.exposed) }
}

extension TokenHash {
    package init(of text: String) { self.init(digest: SHA256.hash(data: Array(text.utf8))) }
}
