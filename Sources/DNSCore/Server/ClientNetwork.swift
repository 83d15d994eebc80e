import Glibc
import NIOCore

/// The network that a client's address belongs to, as far as one party usually holds it: an IPv4 /24, an IPv6 /56.
enum ClientNetwork {
    /// nil for an address that no answer may go to: port 0, broadcast, multicast. They are always forged.
    static func of(_ address: SocketAddress) -> UInt64? {
        address.withSockAddr { pointer, count in self.of(UnsafeRawPointer(pointer), count: count) }
    }

    /// - Parameter address: a `sockaddr_in` or `sockaddr_in6` of `count` bytes.
    static func of(_ address: UnsafeRawPointer, count: Int) -> UInt64? {
        guard count >= MemoryLayout<sockaddr_in>.size, address.loadUnaligned(fromByteOffset: Self.portOffset, as: UInt16.self) != 0 else { return nil }
        switch CInt(address.loadUnaligned(as: sa_family_t.self)) {
        case AF_INET:
            return self.network(v4: UInt32(bigEndian: address.loadUnaligned(fromByteOffset: Self.v4Offset, as: UInt32.self)))
        case AF_INET6 where count >= MemoryLayout<sockaddr_in6>.size:
            let prefix = UInt64(bigEndian: address.loadUnaligned(fromByteOffset: Self.v6Offset, as: UInt64.self))
            let rest = UInt64(bigEndian: address.loadUnaligned(fromByteOffset: Self.v6Offset + 8, as: UInt64.self))
            // An IPv4 client of a socket for both (RFC 4291 §2.5.5.2).
            if prefix == 0, rest >> 32 == 0xFFFF { return self.network(v4: UInt32(truncatingIfNeeded: rest)) }
            return prefix >> 56 == 0xFF ? nil : prefix >> 8 | 1 << 63
        default:
            return nil
        }
    }

    private static func network(v4 host: UInt32) -> UInt64? { host < 0xE000_0000 && host != 0 ? UInt64(host >> 8) : nil }

    /// The whole address (of an IPv6 address its /64, which one machine may have for itself), to count connections by.
    static func host(of address: SocketAddress) -> [UInt8] {
        switch address {
        case .v4(let v4):
            return withUnsafeBytes(of: v4.address) { Array($0[Self.v4Offset..<(Self.v4Offset + 4)]) }
        case .v6(let v6):
            let host = withUnsafeBytes(of: v6.address) { Array($0[Self.v6Offset..<(Self.v6Offset + 16)]) }
            let isMapped = host[..<12].elementsEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF])
            return Array(isMapped ? host[12...] : host[..<8])
        case .unixDomainSocket:
            return []
        }
    }

    /// Where the port stands in both kinds of address, behind the family.
    private static let portOffset = 2
    /// Where the address stands in a `sockaddr_in`, behind family and port.
    private static let v4Offset = 4
    /// Where it stands in a `sockaddr_in6`, behind family, port and flow.
    private static let v6Offset = 8
}
