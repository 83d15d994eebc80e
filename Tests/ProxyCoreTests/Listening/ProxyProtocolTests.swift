import NIOCore
import PlaneTestSupport
import Testing

@testable import ProxyCore

@Suite("PROXY protocol")
struct ProxyProtocolTests {
    private static let v4 = AddressKey(ipv4: 0xC000_0201)  // 192.0.2.1
    private static let v6 = AddressKey(high: 0x2001_0DB8_0000_0000, low: 1)
    private static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]

    private static func binary(_ command: UInt8, _ family: UInt8, _ body: [UInt8]) -> [UInt8] {
        Self.signature + [command, family, UInt8(body.count >> 8), UInt8(body.count & 0xFF)] + body
    }

    private static func read(_ bytes: [UInt8]) -> ProxyProtocolHeader.Outcome { ProxyProtocolHeader.read(bytes.span) }

    private static let good: [([UInt8], AddressKey?)] = [
        (Array("PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n".utf8), v4),
        (Array("PROXY TCP6 2001:db8::1 ::1 56324 443\r\n".utf8), v6),
        (Array("PROXY UNKNOWN\r\n".utf8), nil), (Array("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n".utf8), nil),
        (Self.binary(0x21, 0x11, [192, 0, 2, 1, 192, 0, 2, 2, 1, 2, 3, 4]), v4),
        (Self.binary(0x21, 0x11, [192, 0, 2, 1, 192, 0, 2, 2, 1, 2, 3, 4] + [4, 0, 1, 9]), v4),
        (
            Self.binary(0x21, 0x21, [0x20, 1, 0xD, 0xB8] + [UInt8](repeating: 0, count: 11) + [1] + [UInt8](repeating: 0, count: 20)), v6
        ),
        (Self.binary(0x20, 0x00, []), nil), (Self.binary(0x21, 0x00, [1, 2, 3]), nil), (Self.binary(0x20, 0x11, [UInt8](repeating: 9, count: 12)), nil),
        (Self.binary(0x21, 0x31, [UInt8](repeating: 0x61, count: 216)), nil),
    ]

    @Test("both versions say who the client is, however they are cut", arguments: Self.good)
    func headers(bytes: [UInt8], source: AddressKey?) {
        let followed = bytes + Array("GET / HTTP/1.1\r\n".utf8)
        #expect(Self.read(followed) == .complete(length: bytes.count, source: source))
        for length in 0..<bytes.count {
            #expect(Self.read(Array(bytes[..<length])) == .needsMore)
        }
    }

    @Test(
        "anything else is malformed",
        arguments: [
            "GET / HTTP/1.1\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n", "PROXY TCP4 ::1 ::1 1 2\r\n", "PROXY TCP5 1 2 3 4\r\n",
            "PROXY TCP4 192.0.2.1 192.0.2.2 1 99999\r\n", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n", "PROXY \r\n", "proxy TCP4\r\n",
            "PROXY TCP4 " + String(repeating: "1", count: 100),
        ])
    func malformed(text: String) {
        #expect(Self.read(Array(text.utf8)) == .malformed)
    }

    @Test(
        "binary headers that cannot be right are malformed",
        arguments: [
            (0x11, 0x11, 12), (0x22, 0x11, 12), (0x21, 0x11, 11), (0x21, 0x21, 35), (0x21, 0x31, 36), (0x21, 0x11, 60_000),
        ] as [(UInt8, UInt8, Int)])
    func malformedBinary(command: UInt8, family: UInt8, length: Int) {
        #expect(Self.read(Self.binary(command, family, [UInt8](repeating: 0, count: length))) == .malformed)
    }

    @Test("a balancer's client is who the backend hears of, also in the same packet as its request")
    func endToEnd() async throws {
        var listener = ProxyListener(.http)
        listener.proxyProtocolSources = [AddressRange("127.0.0.0/8")!]
        try await withProxy(listener: listener) { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            try await client.send("PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\nGET / HTTP/1.1\r\nHost: b-1.plane.test\r\n\r\n")
            let (request, _) = try await backend.answerOnce("HTTP/1.1 204 No Content\r\nDate: now\r\n\r\n").value
            #expect(request.contains("\r\nX-Forwarded-For: 192.0.2.1\r\n"))
            _ = try await client.receiveMessage()
        }
    }

    @Test(
        "where the header names nobody else the balancer is the client: speaking for itself, for somebody unknown, or for a socket of its machine",
        arguments: [
            Self.binary(0x20, 0x00, []), Self.binary(0x20, 0x11, [192, 0, 2, 1, 192, 0, 2, 2, 1, 2, 3, 4]), Self.binary(0x21, 0x00, []),
            Self.binary(0x21, 0x31, [UInt8](repeating: 0, count: 216)), Array("PROXY UNKNOWN\r\n".utf8),
        ])
    func balancerItself(header: [UInt8]) async throws {
        var listener = ProxyListener(.http)
        listener.proxyProtocolSources = [AddressRange("127.0.0.0/8")!]
        try await withProxy(listener: listener) { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            try await client.send(header + Array("GET / HTTP/1.1\r\nHost: b-1.plane.test\r\n\r\n".utf8))
            let (request, _) = try await backend.answerOnce("HTTP/1.1 204 No Content\r\nDate: now\r\n\r\n").value
            #expect(request.contains("\r\nX-Forwarded-For: 127.0.0.1\r\n"))
            _ = try await client.receiveMessage()
        }
    }

    @Test("a connection from a balancer without the header is closed; from elsewhere the header is no request")
    func withoutHeader() async throws {
        var listener = ProxyListener(.http)
        listener.proxyProtocolSources = [AddressRange("127.0.0.1")!]
        try await withProxy(listener: listener) { proxy in
            let answer = try await proxy.exchange("GET / HTTP/1.1\r\nHost: b-1.plane.test\r\n\r\n")
            #expect(answer.isEmpty)
        }
        listener.proxyProtocolSources = [AddressRange("10.0.0.0/8")!]
        try await withProxy(listener: listener) { proxy in
            let answer = try await proxy.exchange("PROXY UNKNOWN\r\nGET / HTTP/1.1\r\nHost: b.plane.test\r\n\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 400 "))
        }
    }

    @Test(
        "networks are compared by their first bits",
        arguments: [
            ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.1", false), ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false), ("0.0.0.0/0", "8.8.8.8", true), ("0.0.0.0/0", "2001:db8::1", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true), ("2001:db8::/32", "2001:db9::1", false), ("::/0", "2001:db8::1", true),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
        ])
    func ranges(range: String, address: String, isInside: Bool) throws {
        let key = try #require(AddressKey(try SocketAddress(ipAddress: address, port: 0)))
        #expect(try #require(AddressRange(range)).contains(key) == isInside)
    }

    @Test("what is no network is none", arguments: ["", "10.0.0.0/33", "10.0.0.0/-1", "host", "10.0.0/8", "::/129", "1.2.3.4/"])
    func noRanges(text: String) {
        #expect(AddressRange(text) == nil)
    }

    @Test("addresses are written as people write them", arguments: ["192.0.2.1", "2001:db8::1", "::1"])
    func text(address: String) throws {
        #expect(AddressKey(try SocketAddress(ipAddress: address, port: 0))?.description == address)
    }
}
