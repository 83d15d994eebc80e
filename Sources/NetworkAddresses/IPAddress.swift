/// An IPv4 or IPv6 address, in text without brackets or zone: `203.0.113.7`, `2001:db8::7`.
package enum IPAddress: Hashable, Sendable {
    case v4(UInt32)
    case v6(high: UInt64, low: UInt64)

    /// The IPv4 address inside of an IPv6 address (`::ffff:203.0.113.7`, RFC 4291 §2.5.5.2), which is how the kernel shows IPv4 clients on a socket for both
    /// kinds. Every other address itself.
    package var unmapped: IPAddress {
        guard case .v6(0, let low) = self, low >> 32 == 0xFFFF else { return self }
        return .v4(UInt32(truncatingIfNeeded: low))
    }
}
