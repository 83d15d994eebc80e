/// An IPv4 or IPv6 address, written as a literal without brackets or zone: `203.0.113.7`, `2001:db8::7`.
package enum IPAddress: Hashable, Sendable {
    case v4(UInt32)
    case v6(high: UInt64, low: UInt64)

    /// The IPv4 address that an IPv6 address carries (`::ffff:203.0.113.7`, RFC 4291 §2.5.5.2), as the kernel shows the IPv4 clients of a
    /// socket that takes both; every other address itself.
    package var unmapped: IPAddress {
        guard case .v6(0, let low) = self, low >> 32 == 0xFFFF else { return self }
        return .v4(UInt32(truncatingIfNeeded: low))
    }
}
