import NIOCore
import NetworkAddresses

/// The network that a client's address belongs to, as far as one party usually holds it: an IPv4 /24, an IPv6 /56.
enum ClientNetwork {
    /// Nil for an address to which no answer may be sent: port 0, broadcast, multicast. Such senders are always forged.
    static func of(_ address: SocketAddress) -> UInt64? {
        address.withSockAddr { pointer, count in self.of(UnsafeRawPointer(pointer), count: count) }
    }

    /// - Parameter address: a `sockaddr_in` or `sockaddr_in6` of `count` bytes.
    static func of(_ address: UnsafeRawPointer, count: Int) -> UInt64? {
        guard let client = SocketEndpoint(sockaddr: UnsafeRawBufferPointer(start: address, count: count)), client.port != 0 else { return nil }
        switch client.ip.unmapped {
        case .v4(let bits): return self.network(v4: bits)
        case .v6(let prefix, _): return prefix >> 56 == 0xFF ? nil : prefix >> 8 | 1 << 63
        }
    }

    private static func network(v4 host: UInt32) -> UInt64? { host < 0xE000_0000 && host != 0 ? UInt64(host >> 8) : nil }

    /// The address by which connections are counted: the whole IPv4 address, or the /64 network of an IPv6 address, all of which one machine may have; `::`
    /// for anything else.
    static func host(of address: SocketAddress) -> IPAddress {
        let client = address.withSockAddr { SocketEndpoint(sockaddr: UnsafeRawBufferPointer(start: $0, count: $1)) }
        switch client?.ip.unmapped {
        case .v4(let bits)?: return .v4(bits)
        case .v6(let prefix, _)?: return .v6(high: prefix, low: 0)
        case nil: return .v6(high: 0, low: 0)
        }
    }
}
