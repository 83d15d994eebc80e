import NIOCore
import Testing

@testable import DNSCore

@Suite("Network of a client") struct ClientNetworkTests {
    static func network(_ text: String, port: Int = 53) throws -> UInt64? { ClientNetwork.of(try SocketAddress(ipAddress: text, port: port)) }

    @Test("an IPv4 /24 and an IPv6 /56 are one; an IPv4 client is the same on a socket for both")
    func networks() throws {
        #expect(try Self.network("192.0.2.1") == Self.network("192.0.2.254"))
        #expect(try Self.network("192.0.2.1") != Self.network("192.0.3.1"))
        #expect(try Self.network("2001:db8:0:100::1") == Self.network("2001:db8:0:1ff::2"))
        #expect(try Self.network("2001:db8:0:100::1") != Self.network("2001:db8:0:200::1"))
        #expect(try Self.network("::ffff:192.0.2.1") == Self.network("192.0.2.7"))
        let mapped = ClientNetwork.host(of: try SocketAddress(ipAddress: "::ffff:192.0.2.1", port: 53))
        #expect(mapped == ClientNetwork.host(of: try SocketAddress(ipAddress: "192.0.2.1", port: 53)))
    }

    @Test(
        "no answer goes to an address that must be forged",
        arguments: [("192.0.2.1", 0), ("0.0.0.0", 53), ("224.0.0.1", 53), ("255.255.255.255", 53), ("ff02::1", 53), ("::ffff:224.0.0.1", 53)])
    func forged(text: String, port: Int) throws {
        #expect(try Self.network(text, port: port) == nil)
    }
}
