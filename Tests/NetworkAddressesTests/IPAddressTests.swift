import NIOCore
import NetworkAddresses
import Testing

@Suite("IP addresses")
struct IPAddressTests {
    @Test(
        "an address is an IPv4 or IPv6 literal",
        arguments: [
            ("203.0.113.7", "203.0.113.7"), ("255.255.255.255", "255.255.255.255"), ("2001:DB8:0:0::7", "2001:db8::7"), ("::1", "::1"),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.1"), ("::", "::"), ("1::", "1::"), ("1:0:0:2:0:0:0:3", "1:0:0:2::3"),
            ("1:0:0:2:3:0:0:4", "1::2:3:0:0:4"), ("1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"), ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
            ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("1:2:3:4:5:6:7", nil), ("1:2:3:4:5:6:7:8:9", nil), ("1::2::3", nil), (":::", nil),
            ("1:2:3:4:5:6:7:8::", nil), ("12345::", nil), (":1::", nil), ("1:", nil), ("1.2.3.4::", nil), ("::1.2.3.4.5", nil), ("g::", nil),
            ("203.0.113", nil), ("203.0.113.256", nil), ("010.0.0.1", nil), ("[::1]", nil),
            ("fe80::1%eth0", nil), ("plane.test", nil), ("", nil), ("1.2.3.4\0x", nil), (" 1.2.3.4", nil),
        ] as [(String, String?)])
    func address(text: String, canonical: String?) {
        #expect(IPAddress(text)?.description == canonical)
    }

    @Test("an IPv4 address in IPv6 form is the IPv4 address, and no other is")
    func unmapped() {
        #expect(IPAddress("::ffff:192.0.2.1")?.unmapped == IPAddress("192.0.2.1"))
        for text in ["192.0.2.1", "::192.0.2.1", "2001:db8::ffff:c000:201"] { #expect(IPAddress(text)?.unmapped == IPAddress(text)) }
    }

    @Test(
        "an endpoint is an address with a port, in brackets where it has colons",
        arguments: [
            ("127.0.0.1:80", "127.0.0.1:80"), ("[::1]:65535", "[::1]:65535"), ("[2001:DB8::7]:0", "[2001:db8::7]:0"), ("::1:80", nil),
            ("[127.0.0.1]:80", nil), ("127.0.0.1", nil), ("127.0.0.1:65536", nil), ("localhost:80", nil), ("[::1]", nil), ("", nil),
        ] as [(String, String?)])
    func endpoint(text: String, canonical: String?) {
        #expect(SocketEndpoint(text)?.description == canonical)
    }

    @Test(
        "a network is told by its first bits, and those behind them are none",
        arguments: [
            ("169.254.0.0/16", "169.254.0.0/16"), ("10.0.0.1", "10.0.0.1/32"), ("0.0.0.0/0", "0.0.0.0/0"), ("10.0.0.1/8", nil), ("10.0.0.0/33", nil),
            ("::/0", nil), ("10.0.0.0/8/8", nil),
        ] as [(String, String?)])
    func network(text: String, canonical: String?) {
        #expect(IPv4Network(text)?.description == canonical)
    }

    @Test("what the kernel says of a socket is read", arguments: ["192.0.2.1:80", "[2001:db8::7]:443", "[::ffff:192.0.2.1]:1", "255.255.255.255:65535"])
    func sockaddr(text: String) throws {
        let endpoint = try #require(SocketEndpoint(text))
        let address = try SocketAddress(ipAddress: endpoint.ip.description, port: Int(endpoint.port))
        address.withSockAddr { pointer, count in
            #expect(SocketEndpoint(sockaddr: UnsafeRawBufferPointer(start: pointer, count: count)) == endpoint)
            #expect(SocketEndpoint(sockaddr: UnsafeRawBufferPointer(start: pointer, count: count - 1)) == nil)
        }
    }

    @Test("an address of another family is none")
    func otherFamily() throws {
        let address = try SocketAddress(unixDomainSocketPath: "/tmp/s")
        address.withSockAddr { pointer, count in
            #expect(SocketEndpoint(sockaddr: UnsafeRawBufferPointer(start: pointer, count: count)) == nil)
        }
        #expect(SocketEndpoint(localEndOf: -1) == nil)
    }
}
