import EpollTransport
package import NIOCore
import NetworkAddresses

/// An IP address as a number. IPv4 addresses that come in IPv6 form (RFC 4291 §2.5.5.2), as they do on a socket that takes both,
/// count as IPv4.
package struct AddressKey: Hashable, Sendable {
    /// The 128 bits of the address; an IPv4 address is mapped to `::ffff:a.b.c.d`.
    let high: UInt64
    let low: UInt64

    private static let mappedPrefix: UInt64 = 0x0000_FFFF_0000_0000

    init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    init(_ ip: IPAddress) {
        switch ip {
        case .v4(let bits): self.init(high: 0, low: Self.mappedPrefix | UInt64(bits))
        case .v6(let high, let low): self.init(high: high, low: low)
        }
    }

    init(ipv4 bits: UInt32) { self.init(.v4(bits)) }

    /// Nil for an address that is not of the internet, such as a Unix socket.
    package init?(_ address: SocketAddress) {
        let endpoint = address.withSockAddr { SocketEndpoint(sockaddr: UnsafeRawBufferPointer(start: $0, count: $1)) }
        guard let endpoint else { return nil }
        self.init(endpoint.ip)
    }

    init?(_ peer: PeerAddress) {
        guard let ip = peer.ip else { return nil }
        self.init(ip)
    }

    private var ip: IPAddress { IPAddress.v6(high: self.high, low: self.low).unmapped }

    var isIPv4: Bool { self.high == 0 && self.low >> 32 == 0xFFFF }

    /// The address under which limits count this one: an IPv4 address itself, or the /64 network of an IPv6 address, which one customer has alone.
    var owner: AddressKey { self.isIPv4 ? self : AddressKey(high: self.high, low: 0) }
}

extension AddressKey: CustomStringConvertible {
    package var description: String { self.ip.description }
}

/// Addresses with the same first bits, written `10.0.0.0/8`, `2001:db8::/32`, or as one address.
package struct AddressRange: Hashable, Sendable, LosslessStringConvertible {
    private let base: AddressKey
    /// The length of the prefix in bits, of 128.
    private let prefix: Int

    package init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = try? SocketAddress(ipAddress: String(parts[0]), port: 0), let base = AddressKey(address) else { return nil }
        let width = text.contains(":") ? 128 : 32
        var prefix = width
        if parts.count == 2 {
            guard let bits = Int(parts[1]), (0...width).contains(bits) else { return nil }
            prefix = bits
        }
        self.base = base
        self.prefix = prefix + 128 - width
    }

    package func contains(_ key: AddressKey) -> Bool {
        let highBits = min(self.prefix, 64)
        let lowBits = max(self.prefix - 64, 0)
        return Self.agree(self.base.high, key.high, bits: highBits) && Self.agree(self.base.low, key.low, bits: lowBits)
    }

    private static func agree(_ one: UInt64, _ other: UInt64, bits: Int) -> Bool {
        bits == 0 || (one ^ other) >> UInt64(64 - bits) == 0
    }

    package var description: String {
        self.base.isIPv4 ? "\(self.base)/\(self.prefix - 96)" : "\(self.base)/\(self.prefix)"
    }
}
