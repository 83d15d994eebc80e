import Crypto
import ProxyCore

/// SHA-256 (FIPS 180-4) of a visitor's token, or of a user's name. The tier keeps only these, and they may be logged.
package struct TokenDigest: Hashable, Sendable {
    private let words: (UInt64, UInt64, UInt64, UInt64)

    package init(of text: some Sequence<UInt8>) {
        var hash = SHA256()
        hash.update(data: Array(text))
        self.words = hash.finalize().withUnsafeBytes { bytes in
            (
                bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self).bigEndian, bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self).bigEndian,
                bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self).bigEndian, bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self).bigEndian
            )
        }
    }

    /// - Parameter hexadecimal: 64 digits; nil for anything else.
    package init?(hexadecimal text: String) {
        let digits = text.utf8.map(\.hexValue)
        guard digits.count == 64 else { return nil }
        var words: [UInt64] = [0, 0, 0, 0]
        for (index, digit) in digits.enumerated() {
            guard let digit else { return nil }
            words[index / 16] = words[index / 16] << 4 | UInt64(digit)
        }
        self.words = (words[0], words[1], words[2], words[3])
    }

    /// The digest in 64 hexadecimal digits.
    package var hexadecimal: String {
        [self.words.0, self.words.1, self.words.2, self.words.3].map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }

    package static func == (left: TokenDigest, right: TokenDigest) -> Bool { left.words == right.words }

    package func hash(into hasher: inout Hasher) { hasher.combine(self.words.0) }
}
