#if canImport(Glibc)
import Glibc
#endif

/// The key that encrypts session tickets (RFC 5077, RFC 8446 §4.6.1). A proxy hands it to the process that replaces it, so that clients can resume their
/// sessions there. Never to be logged.
package struct TicketKey: Equatable, Sendable {
    /// What BoringSSL wants: a name of 16 bytes, 16 for authentication, 16 for encryption.
    static let length = 48
    /// How long a key is used, in seconds. In TLS 1.2 it can decrypt all sessions whose tickets it has encrypted, so it is replaced; clients then make one
    /// full handshake.
    private static let lifetime: Int64 = 24 * 3600

    let bytes: [UInt8]
    /// Unix time, in seconds.
    private let made: Int64

    static func random(now: Int64 = Self.now()) -> TicketKey {
        var generator = SystemRandomNumberGenerator()
        return TicketKey(bytes: (0..<Self.length).map { _ in UInt8.random(in: 0...UInt8.max, using: &generator) }, made: now)
    }

    private init(bytes: [UInt8], made: Int64) {
        self.bytes = bytes
        self.made = made
    }

    static func now() -> Int64 { Int64(time(nil)) }

    /// Whether the key is to be replaced. A key that was made in the future is, too, since the clock was set back.
    func isOld(at now: Int64) -> Bool { now - self.made >= Self.lifetime || now < self.made }

    // MARK: From a process to its successor

    package init?(encoded: [UInt8]) {
        guard encoded.count == Self.length + 8 else { return nil }
        self.bytes = Array(encoded[..<Self.length])
        self.made = Int64(bitPattern: encoded[Self.length...].reduce(0) { $0 << 8 | UInt64($1) })
    }

    package var encoded: [UInt8] {
        self.bytes + (0..<8).map { UInt8(truncatingIfNeeded: UInt64(bitPattern: self.made) >> (56 - 8 * UInt64($0))) }
    }
}
