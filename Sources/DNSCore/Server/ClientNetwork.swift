import NIOCore

/// The network that a client's address belongs to, as far as one party usually holds it: an IPv4 /24, an IPv6 /56.
enum ClientNetwork {
    /// nil for an address that no answer may go to: port 0, broadcast, multicast. They are always forged.
    static func of(_ address: SocketAddress) -> UInt64? {
        guard address.port != 0 else { return nil }
        switch address {
        case .v4(let v4):
            let host = withUnsafeBytes(of: v4.address) { UInt32(bigEndian: $0.loadUnaligned(fromByteOffset: Self.v4Offset, as: UInt32.self)) }
            return host < 0xE000_0000 && host != 0 ? UInt64(host >> 8) : nil
        case .v6(let v6):
            let prefix = withUnsafeBytes(of: v6.address) { UInt64(bigEndian: $0.loadUnaligned(fromByteOffset: Self.v6Offset, as: UInt64.self)) }
            return prefix >> 56 == 0xFF ? nil : prefix >> 8 | 1 << 63
        case .unixDomainSocket:
            return nil
        }
    }

    /// The whole address (of an IPv6 address its /64, which one machine may have for itself), to count connections by.
    static func host(of address: SocketAddress) -> [UInt8] {
        switch address {
        case .v4(let v4): withUnsafeBytes(of: v4.address) { Array($0[Self.v4Offset..<(Self.v4Offset + 4)]) }
        case .v6(let v6): withUnsafeBytes(of: v6.address) { Array($0[Self.v6Offset..<(Self.v6Offset + 8)]) }
        case .unixDomainSocket: []
        }
    }

    /// Where the address stands in a `sockaddr_in`, behind family and port.
    private static let v4Offset = 4
    /// Where it stands in a `sockaddr_in6`, behind family, port and flow.
    private static let v6Offset = 8
}
