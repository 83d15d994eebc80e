import NIOCore
import PlanBPolicy
import PlaneTestSupport
import ProxyCore
import Testing

@Suite("What backends see of requests, and visitors of responses")
struct RewritingTests {
    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

    /// The head that a backend gets.
    private static func head(
        _ request: String, entry: ((TestBackend) -> String)? = nil, configure: @escaping (inout PlanBOptions) -> Void = { _ in }
    ) async throws -> String {
        let backend = try TestBackend()
        var head = ""
        try await withPlanB(configure: { options, _ in configure(&options) }) { planb in
            try await planb.frontend("a.test", entry?(backend) ?? backend.entry)
            let serving = backend.answerOnce(Self.ok)
            _ = try await planb.exchange(request)
            head = try await serving.value.request
        }
        return head
    }

    @Test("method, target and fields go on as they came; hop-by-hop fields do not")
    func passed() async throws {
        let head = try await Self.head(
            "PROPFIND /a%2Fb/../c;d//e?x=%zz HTTP/1.1\r\nHost: a.test\r\nConnection: close, X-Gone\r\nX-Gone: 1\r\nKeep-Alive: 5\r\nTE: gzip, trailers\r\n"
                + "Proxy-Authorization: x\r\nX-Kept: 1\r\n\r\n")
        #expect(head.hasPrefix("PROPFIND /a%2Fb/../c;d//e?x=%zz HTTP/1.1\r\nHost: a.test\r\n"))
        #expect(head.contains("\r\nX-Kept: 1\r\n") && head.contains("\r\nTE: trailers\r\n"))
        for gone in [
            "X-Gone", "Keep-Alive", "Proxy-Authorization", "gzip", "close", "User-Agent", "Accept-Encoding", "X-Real-IP", "X-Forwarded-Host", "X-Request-Id",
        ] {
            #expect(!head.contains(gone))
        }
    }

    @Test("the visitor's address is added behind those it came with, and the scheme where none is said")
    func forwarding() async throws {
        let plain = try await Self.head("GET / HTTP/1.1\r\nHost: a.test:80\r\nConnection: close\r\n\r\n")
        #expect(plain.contains("\r\nX-Forwarded-For: 127.0.0.1\r\n") && plain.contains("\r\nX-Forwarded-Proto: http\r\n"))
        #expect(plain.contains("\r\nHost: a.test:80\r\n"))
        let given = try await Self.head(
            "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 192.0.2.2\r\nX-Forwarded-Proto: https\r\n"
                + "X-Forwarded-Host: x\r\nX-Real-IP: y\r\n\r\n")
        #expect(given.contains("\r\nX-Forwarded-For: 192.0.2.1, 192.0.2.2, 127.0.0.1\r\n") && given.contains("\r\nX-Forwarded-Proto: https\r\n"))
        #expect(given.contains("\r\nX-Forwarded-Host: x\r\n") && given.contains("\r\nX-Real-IP: y\r\n"))
        let distrusted = try await Self.head(
            "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\nX-Real-IP: y\r\n\r\n",
            configure: { $0.trustsForwarding = false })
        #expect(distrusted.contains("X-Forwarded-For: 127.0.0.1\r\n") && distrusted.contains("X-Forwarded-Proto: http\r\n"))
        #expect(!distrusted.contains("192.0.2.1") && !distrusted.contains("X-Real-IP"))
    }

    @Test("a backend with a name is asked by its own name, and told what the visitor asked for")
    func namedBackend() async throws {
        let head = try await Self.head(
            "GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\nX-Host: wrong\r\nX-Forwarded-Host: wrong\r\n\r\n",
            entry: { "http://localhost:\($0.port)" })
        #expect(head.contains("\r\nHost: localhost\r\n") && head.contains("\r\nX-Host: a.test\r\n") && head.contains("\r\nX-Forwarded-Host: a.test\r\n"))
        #expect(!head.contains("wrong"))
    }

    @Test("a request gets an id where it has none, and keeps its own, which nobody can make disappear")
    func ids() async throws {
        let configure: (inout PlanBOptions) -> Void = { $0.requestIDHeader = "X-Request-Id" }
        let request = "GET / HTTP/1.1\r\nHost: a.test\r\n"
        func id(_ head: String) -> String? {
            let fields = head.split(separator: "\r\n").filter { $0.hasPrefix("X-Request-Id: ") }
            return fields.count == 1 ? String(fields[0].dropFirst(14)) : nil
        }
        let uuid = /[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/
        #expect(id(try await Self.head(request + "Connection: close\r\n\r\n", configure: configure))?.wholeMatch(of: uuid) != nil)
        let own = "any thing, \"quoted\""
        let kept = try await Self.head(request + "Connection: close\r\nX-Request-Id: \(own)\r\n\r\n", configure: configure)
        #expect(id(kept) == own)
        #expect(id(try await Self.head(request + "Connection: close\r\nx-request-id:\r\n\r\n", configure: configure))?.wholeMatch(of: uuid) != nil)
        let nominated = try await Self.head(request + "Connection: close, X-Request-Id\r\nX-Request-Id: mine\r\n\r\n", configure: configure)
        #expect(id(nominated) == "mine")
        let custom = try await Self.head(
            request + "Connection: close, X-Trace\r\nX-Trace: mine\r\n\r\n", configure: { $0.requestIDHeader = "X-Trace" })
        #expect(custom.contains("\r\nX-Trace: ") && !custom.contains("mine"))
    }

    @Test("who asks for it is told which backend has answered, and the backend is not told that")
    func debugHeaders() async throws {
        let backend = try TestBackend()
        try await withPlanB { planb in
            try await planb.frontend("a.test", "http://127.0.0.1:1", backend.entry)
            try await planb.redis.command("SADD", "dead:a.test", "0")
            let serving = backend.answerOnce(Self.ok)
            let answer = try await planb.get("a.test:80", fields: "X-Debug-Router: 1\r\n")
            #expect(answer.contains("\r\nX-Debug-Backend-Url: \(backend.entry)\r\nX-Debug-Backend-Id: 1\r\nX-Debug-Frontend-Key: a.test\r\n"))
            #expect(try await !serving.value.request.contains("X-Debug-Router"))
            let own = try await planb.get("b.test", fields: "X-Debug-Router: 1\r\n")
            #expect(own.contains("\r\nX-Debug-Backend-Url: \r\nX-Debug-Backend-Id: 0\r\nX-Debug-Frontend-Key: \r\n"))
            #expect(try await !planb.get("b.test").contains("X-Debug"))
        }
    }

    @Test("a WebSocket is tunnelled with the host it was asked for, and what came with the handshake is not lost")
    func webSocket() async throws {
        let backend = try TestBackend()
        try await withPlanB(configure: { options, _ in options.requestIDHeader = "X-Request-Id" }) { planb in
            try await planb.frontend("a.test", "127.0.0.1:\(backend.port)")
            let client = try planb.connect()
            try await client.send("GET /ws HTTP/1.1\r\nHost: a.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: k\r\n\r\nearly")
            let peer = try await backend.accept()
            let head = try await peer.receive(until: "\r\n\r\n")
            #expect(
                head.contains("\r\nHost: a.test\r\n") && head.contains("\r\nX-Forwarded-Proto: http\r\n") && head.contains("\r\nX-Forwarded-For: 127.0.0.1\r\n")
            )
            #expect(head.contains("\r\nX-Request-Id: "))
            #expect(head.contains("\r\nUpgrade: websocket\r\n") && head.contains("\r\nConnection: Upgrade\r\n"))
            try await peer.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: a\r\n\r\nhello")
            #expect(try await client.receive(until: "hello").hasPrefix("HTTP/1.1 101 "))
            #expect(try await peer.receive(until: "early") == "early")
            try await client.send("more")
            #expect(try await peer.receive(until: "more") == "more")
            // It has a line, which is more than PlanB says of it.
            #expect(try await planb.lines(1)[0].contains("\"GET /ws HTTP/1.1\" 101 "))
            client.close()
            _ = try await peer.receiveToEnd()
        }
    }

    @Test(
        "heads that two readers could read in two ways are refused, with PlanB's statuses",
        arguments: [
            ("GET / HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: \u{1}\r\n\r\n", 400), ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
            ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501), ("GET / HTTP/1.1\r\nHost: a\r\nExpect: more\r\n\r\n", 417),
            ("GET / HTTP/1.0\r\n\r\n", 400), ("nonsense\r\n\r\n", 400),
            // Stricter than PlanB.
            ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400), ("GET / HTTP/1.1\nHost: a\n\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n", 400),
        ])
    func refusals(request: String, status: Int) async throws {
        try await withPlanB { planb in
            let answer = try await planb.exchange(request)
            #expect(answer.hasPrefix("HTTP/1.1 \(status) ") && answer.contains("\r\nConnection: close\r\n"))
        }
    }

    @Test("a target that Go's library cannot decode goes on as it came, and an upgrade that Connection does not name is none")
    func lenience() async throws {
        #expect(try await Self.head("GET /%zz HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n").hasPrefix("GET /%zz HTTP/1.1\r\n"))
        let unnamed = try await Self.head("GET / HTTP/1.1\r\nHost: a.test\r\nUpgrade: websocket\r\nConnection: close\r\n\r\n")
        #expect(!unnamed.contains("pgrade"))
    }

    @Test("an upload whose chunks are broken is answered, and one whose head has no end refused")
    func broken() async throws {
        let backend = try TestBackend()
        try await withPlanB(configure: { _, limits in limits.headBytes = 2000 }) { planb in
            try await planb.frontend("a.test", backend.entry)
            let answer = try await planb.exchange("POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 503 ") && answer.hasSuffix("\r\n\r\n"))
            let large = try await planb.exchange("GET / HTTP/1.1\r\nHost: a.test\r\nX: \(String(repeating: "x", count: 1990))")
            #expect(large.hasPrefix("HTTP/1.1 431 "))
        }
    }

    @Test("an upload that takes too long is answered, and an answer that takes too long is cut off")
    func clientLimits() async throws {
        let backend = try TestBackend()
        try await withPlanB(configure: { _, limits in limits.request = .milliseconds(300) }) { planb in
            try await planb.frontend("a.test", backend.entry)
            let answer = try await planb.exchange("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\nx")
            #expect(answer.hasPrefix("HTTP/1.1 503 "))
        }
        try await withPlanB(configure: { _, limits in limits.exchange = .milliseconds(300) }) { planb in
            try await planb.frontend("a.test", backend.entry)
            #expect(try await planb.get("a.test") == "")
        }
    }
}
