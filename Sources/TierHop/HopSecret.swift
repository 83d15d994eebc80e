package import PlaneProtocol
import ProxyCore

/// What the tier shows a drone's proxy, so that the proxy believes what it says of a visitor: the same on all machines of a cluster.
package struct HopSecret: Sendable {
    /// Nobody can try all secrets of this length, even if they are written in hexadecimal digits.
    package static let shortest = 32
    package static let longest = 256
    package static let expectation = "\(shortest) to \(longest) visible characters of ASCII without blanks, as from openssl rand -base64 32"

    let bytes: [UInt8]

    /// Nil for a text that cannot stand in a field, or that is too short to be a secret.
    package init?(_ secret: Secret) {
        let bytes = Array(secret.exposed.utf8)
        guard (Self.shortest...Self.longest).contains(bytes.count), bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
        self.bytes = bytes
    }

    /// Takes the same time wherever two values of one length differ; only the length can be learned.
    func isEqual(_ range: Range<Int>, in bytes: Span<UInt8>) -> Bool {
        guard range.count == self.bytes.count else { return false }
        var difference: UInt8 = 0
        for offset in 0..<self.bytes.count { difference |= self.bytes[offset] ^ bytes[range.lowerBound + offset] }
        return difference == 0
    }
}
