import NIOCore
import PlaneTestSupport
import Testing

@testable import ProxyCore

@Suite("The name of a request, X-Request-Id")
struct RequestIDTests {
    private static let ok = "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok"

    /// What a backend sees of a request with these fields.
    private static func seen(_ fields: String) async throws -> String {
        try await withProxy { proxy in
            let answering = try proxy.backend("b-1").answerOnce(Self.ok)
            let client = try proxy.connect()
            try await client.send("GET / HTTP/1.1\r\nHost: b-1.plane.test\r\n\(fields)\r\n")
            _ = try await client.receiveMessage()
            return try await answering.value.request
        }
    }

    private static var ours: Regex<(Substring, Substring)> { #/\r\nX-Request-Id: ([0-9a-f]{32})\r\n/# }

    @Test("a request without one gets one, and no two the same")
    func made() async throws {
        let first = try #require(try await Self.seen("").firstMatch(of: Self.ours))
        let second = try #require(try await Self.seen("").firstMatch(of: Self.ours))
        #expect(first.1 != second.1)
    }

    @Test("the client's own is passed on, byte for byte", arguments: ["7", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "Root=1-67891233-abc@x/y+z"])
    func kept(id: String) async throws {
        let seen = try await Self.seen("x-request-id: \(id)\r\n")
        #expect(seen.contains("\r\nx-request-id: \(id)\r\n"))
        #expect(seen.firstMatch(of: Self.ours) == nil)
    }

    @Test(
        "one that could confuse a log, and one of several, gives way to ours",
        arguments: [
            "X-Request-Id: a b\r\n", "X-Request-Id:\r\n", "X-Request-Id: \"a\"\r\n", "X-Request-Id: é\r\n", "X-Request-Id: a\r\nX-Request-Id: a\r\n",
            "X-Request-Id: \(String(repeating: "a", count: 129))\r\n",
        ])
    func replaced(fields: String) async throws {
        let seen = try await Self.seen(fields)
        #expect(seen.firstMatch(of: Self.ours) != nil)
        #expect(seen.lowercased().ranges(of: "x-request-id").count == 1)
    }

    @Test("Connection cannot make it disappear")
    func nominated() async throws {
        #expect(try await Self.seen("X-Request-Id: a\r\nConnection: x-request-id\r\n").contains("\r\nX-Request-Id: a\r\n"))
    }

    @Test("an answer of the proxy itself says it, so that a user can quote it")
    func answered() async throws {
        try await withProxy { proxy in
            let answer = try await proxy.exchange("GET / HTTP/1.1\r\nHost: unknown.plane.test\r\nX-Request-Id: mine\r\nConnection: close\r\n\r\n")
            #expect(answer.contains("\r\nX-Request-Id: mine\r\n"))
        }
    }

    @Test("sixteen digits of each half, zeros included")
    func digits() {
        #expect(RequestID.ours(high: 0x0123_4567_89AB_CDEF, low: 0xF).description == "0123456789abcdef000000000000000f")
    }
}
