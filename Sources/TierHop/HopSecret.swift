package import PlaneProtocol
import ProxyCore

/// The secret that the tier sends to a drone's proxy, so that the proxy believes what the tier says about a visitor. It is the same on all machines of a
/// cluster.
package struct HopSecret: Sendable {
    /// Secrets of this length cannot be guessed, even if they consist of hexadecimal digits.
    package static let shortest = 32
    package static let longest = 256
    package static let expectation = "\(shortest) to \(longest) visible characters of ASCII without blanks, as from openssl rand -base64 32"

    let bytes: [UInt8]

    /// Nil for a text that cannot be part of a field, or is too short.
    package init?(_ secret: Secret) {
        let bytes = Array(secret.exposed.utf8)
        guard (Self.shortest...Self.longest).contains(bytes.count), bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
        self.bytes = bytes
    }

    /// Takes the same time wherever two values of equal length differ, so only the length can be found out.
    func isEqual(_ range: Range<Int>, in bytes: Span<UInt8>) -> Bool {
        guard range.count == self.bytes.count else { return false }
        var difference: UInt8 = 0
        for offset in 0..<self.bytes.count { difference |= self.bytes[offset] ^ bytes[range.lowerBound + offset] }
        return difference == 0
    }
}
