import DroneProxyPolicy
import NIOCore
import PlaneProtocol
import PlaneTestSupport
import ProxyCore
import Testing

@Suite("Neighbours: what a page of another backend can do with a visitor's cookie")
struct OriginTests {
    private static let ok = "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok"
    private static let cookie = "Cookie: a=b; _plane_auth=s3cret\r\n"
    private static let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n"

    /// The first line of what is answered, and whether the backend was asked.
    private static func ask(
        _ start: String, _ fields: String, host: String = "b-1.plane.test", _ configure: @escaping (inout DroneProxyOptions) -> Void = { _ in }
    ) async throws -> String {
        try await withProxy(configure) { proxy in
            let backend = try proxy.backend("b-1", token: "s3cret")
            let serving = backend.answerOnce(Self.ok)
            defer { serving.cancel() }
            let client = try proxy.connect()
            try await client.send("\(start) HTTP/1.1\r\nHost: \(host)\r\n\(fields)\r\n")
            let answer = try await client.receiveMessage()
            return String(answer.prefix { $0 != "\r\n" })
        }
    }

    private static let foreign = [
        "Origin: http://evil.plane.test\r\n", "Origin: https://evil.plane.test\r\n", "Origin: http://plane.test\r\n",
        "Origin: http://b-1.plane.test:81\r\n", "Origin: http://b-1.plane.test.evil\r\n", "Origin: http://xb-1.plane.test\r\n", "Origin: null\r\n",
        "Origin: http://\r\n", "Origin: b-1.plane.test\r\n", "Origin: http://b-1.plane.test, http://evil.plane.test\r\n", "Origin:\r\n",
        "Origin: http://b-1.plane.test\r\nOrigin: http://evil.plane.test\r\n", "Sec-Fetch-Site: same-site\r\n", "Sec-Fetch-Site: cross-site\r\n",
        "Origin: http://evil.plane.test\r\nSec-Fetch-Site: same-origin\r\n", "Origin: null\r\nSec-Fetch-Site: same-site\r\n", "",
    ]

    @Test("with the cookie alone, an upgrade from there is 403 and does not reach the backend", arguments: Self.foreign)
    func upgrades(fields: String) async throws {
        #expect(try await Self.ask("GET /ws", Self.cookie + Self.upgrade + fields) == "HTTP/1.1 403 Forbidden")
    }

    @Test("with the cookie alone, a method that is not safe is 403 from there", arguments: ["POST", "PUT", "DELETE", "PATCH", "PROPFIND"])
    func unsafe(method: String) async throws {
        for fields in Self.foreign {
            #expect(try await Self.ask("\(method) /", Self.cookie + fields) == "HTTP/1.1 403 Forbidden")
        }
    }

    @Test(
        "the backend's own pages may do both",
        arguments: [
            "Origin: http://b-1.plane.test\r\n", "Origin: https://B-1.plane.test\r\n", "Sec-Fetch-Site: same-origin\r\n", "Sec-Fetch-Site: none\r\n",
            "Origin: null\r\nSec-Fetch-Site: same-origin\r\n", "Origin: http://b-1.plane.test:80\r\n",
        ])
    func own(fields: String) async throws {
        #expect(try await Self.ask("POST /", Self.cookie + fields + "Content-Length: 0\r\n") == "HTTP/1.1 200 OK")
        #expect(try await Self.ask("GET /", Self.cookie + Self.upgrade + fields) == "HTTP/1.1 200 OK")
    }

    @Test("a backend by its path is kept from neighbours in the same way: its origin is the host that it is asked for on")
    func byPath() async throws {
        let start = "POST /_plane_backend=b-1/"
        for fields in ["Origin: http://evil.plane.test\r\n", "Origin: http://b-1.plane.test\r\n", "Sec-Fetch-Site: cross-site\r\n", ""] {
            let answer = try await Self.ask(start, Self.cookie + fields + "Content-Length: 0\r\n", host: "localhost") { $0.allowsPathRouting = true }
            #expect(answer == "HTTP/1.1 403 Forbidden", "\(fields)")
        }
        let own = Self.cookie + "Origin: http://localhost\r\nContent-Length: 0\r\n"
        #expect(try await Self.ask(start, own, host: "localhost") { $0.allowsPathRouting = true } == "HTTP/1.1 200 OK")
    }

    @Test("a port that visitors use is a part of the origin")
    func port() async throws {
        let fields = Self.cookie + "Origin: https://b-1.plane.test:8443\r\nContent-Length: 0\r\n"
        #expect(try await Self.ask("POST /", fields, host: "b-1.plane.test:8443") == "HTTP/1.1 200 OK")
        #expect(try await Self.ask("POST /", fields, host: "b-1.plane.test") == "HTTP/1.1 403 Forbidden")
    }

    @Test("behind a proxy that is believed, the host is the one it was asked for; behind one that is not, it is not")
    func forwarded() async throws {
        let fields = Self.cookie + "Origin: https://app.example\r\nX-Forwarded-Host: app.example\r\nContent-Length: 0\r\n"
        #expect(try await Self.ask("POST /", fields, { $0.trustsForwarding = true }) == "HTTP/1.1 200 OK")
        #expect(try await Self.ask("POST /", fields) == "HTTP/1.1 403 Forbidden")
        let plain = Self.cookie + "Origin: http://b-1.plane.test\r\nX-Forwarded-Proto: https\r\nContent-Length: 0\r\n"
        #expect(try await Self.ask("POST /", plain, { $0.trustsForwarding = true }) == "HTTP/1.1 403 Forbidden")
    }

    @Test("safe methods, and requests that show the token themselves, come from anywhere", arguments: ["GET", "OPTIONS"])
    func harmless(method: String) async throws {
        let evil = "Origin: http://evil.plane.test\r\n"
        #expect(try await Self.ask("\(method) /", Self.cookie + evil) == "HTTP/1.1 200 OK")
        let bearer = "Authorization: Bearer s3cret\r\n"
        #expect(try await Self.ask("POST /", bearer + Self.cookie + evil + "Content-Length: 0\r\n") == "HTTP/1.1 200 OK")
        #expect(try await Self.ask("GET /", bearer + Self.upgrade + evil) == "HTTP/1.1 200 OK")
    }

    @Test("a cookie for the whole cluster, or for every path, is made one of the backend alone")
    func cookies() async throws {
        let answer = "HTTP/1.1 200 OK\r\nDate: now\r\nSet-Cookie: a=b; Domain=plane.test; Path=/\r\nContent-Length: 0\r\n\r\n"
        try await withProxy({ $0.allowsPathRouting = true }) { proxy in
            let backend = try proxy.backend("b-1")
            let serving = backend.serve(answer)
            let client = try proxy.connect()
            try await client.send("GET / HTTP/1.1\r\nHost: b-1.plane.test\r\n\r\n")
            #expect(try await client.receiveMessage().contains("\r\nSet-Cookie: a=b; Path=/\r\n"))
            try await client.send("GET /_plane_backend=b-1/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(try await client.receiveMessage().contains("\r\nSet-Cookie: a=b; Path=/_plane_backend=b-1\r\n"))
            // The next request on the same connection is by host name again.
            try await client.send("GET / HTTP/1.1\r\nHost: b-1.plane.test\r\n\r\n")
            #expect(try await client.receiveMessage().contains("\r\nSet-Cookie: a=b; Path=/\r\n"))
            client.close()
            serving.cancel()
        }
    }

    @Test("what the passthrough address says of cookies is its own matter")
    func passthrough() async throws {
        let target = try TestBackend()
        let address = try target.socketAddress()
        let answer = "HTTP/1.1 200 OK\r\nDate: now\r\nSet-Cookie: a=b; Domain=plane.test\r\nContent-Length: 0\r\n\r\n"
        try await withProxy({ $0.passthrough = address }) { proxy in
            let answering = target.answerOnce(answer)
            let client = try proxy.connect()
            try await client.send("GET / HTTP/1.1\r\nHost: unknown.plane.test\r\n\r\n")
            #expect(try await client.receiveMessage() == answer)
            _ = try await answering.value
        }
    }
}
