import DroneProxyPolicy
import PlaneProtocol
import PlaneTestSupport
import ProxyCore
import Testing

@Suite("Access: tokens by header, cookie and link")
struct AccessTests {
    private static let ok = "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok"
    private static let anyOrigin = "\r\nAccess-Control-Allow-Origin: *\r\n"

    private static func answer(_ fields: String, path: String = "/") async throws -> String {
        try await withProxy { proxy in
            _ = try proxy.backend("b-1", token: "s3cret")
            return try await proxy.exchange("GET \(path) HTTP/1.1\r\nHost: b-1.plane.test\r\n\(fields)Connection: close\r\n\r\n")
        }
    }

    @Test("P18: no token is 401, which says what is expected, and scripts of other origins can read it")
    func missing() async throws {
        let response = try await Self.answer("")
        #expect(response.hasPrefix("HTTP/1.1 401 Unauthorized\r\n"))
        #expect(response.contains("\r\nWWW-Authenticate: Bearer\r\n"))
        #expect(response.contains(Self.anyOrigin))
        #expect(response.hasSuffix("Expected bearer token.\n"))
    }

    @Test("P18: a wrong token is 403, and scripts of other origins can read it")
    func wrong() async throws {
        let response = try await Self.answer("Authorization: Bearer s3creT\r\n")
        #expect(response.hasPrefix("HTTP/1.1 403 Forbidden\r\n"))
        #expect(response.contains(Self.anyOrigin))
    }

    @Test(
        "P7: the right token passes, and the backend sees neither header nor cookie",
        arguments: ["Authorization: Bearer s3cret\r\n", "Cookie: _plane_auth=s3cret\r\n"])
    func right(field: String) async throws {
        try await withProxy { proxy in
            let backend = try proxy.backend("b-1", token: "s3cret")
            let answering = backend.answerOnce(Self.ok)
            let client = try proxy.connect()
            try await client.send("GET / HTTP/1.1\r\nHost: b-1.plane.test\r\n\(field)\r\n")
            #expect(try await client.receiveMessage() == Self.ok)
            let request = try await answering.value.request
            #expect(!request.contains("s3cret"))
        }
    }

    @Test("the backend may see the token where that is configured")
    func shown() async throws {
        try await withProxy({ $0.showsTokenToBackend = true }) { proxy in
            let backend = try proxy.backend("b-1", token: "s3cret")
            let answering = backend.answerOnce(Self.ok)
            let client = try proxy.connect()
            try await client.send("GET / HTTP/1.1\r\nHost: b-1.plane.test\r\nAuthorization: Bearer s3cret\r\n\r\n")
            #expect(try await client.receiveMessage() == Self.ok)
            #expect(try await answering.value.request.contains("\r\nAuthorization: Bearer s3cret\r\n"))
        }
    }

    @Test("P4: a link with the right token sets a cookie with every attribute it should have, and leads on")
    func link() async throws {
        let response = try await Self.answer("", path: "/_plane_auth?token=s3cret&redirect=%2Fapp%3Fa%3Db")
        #expect(response.hasPrefix("HTTP/1.1 302 Found\r\n"))
        #expect(response.contains("\r\nLocation: /app?a=b\r\n"))
        #expect(response.contains("\r\nSet-Cookie: _plane_auth=s3cret; HttpOnly; SameSite=Lax; Path=/\r\n"))
    }

    @Test("P4: a link with a wrong token sets nothing")
    func wrongLink() async throws {
        let response = try await Self.answer("", path: "/_plane_auth?token=planted")
        #expect(response.hasPrefix("HTTP/1.1 403 "))
        #expect(!response.contains("Set-Cookie"))
    }

    @Test("P3: a link that leads to another site is refused")
    func openRedirect() async throws {
        let response = try await Self.answer("", path: "/_plane_auth?token=s3cret&redirect=//evil.example")
        #expect(response.hasPrefix("HTTP/1.1 400 "))
        #expect(response.hasSuffix("Redirect must be relative and start with a slash.\n"))
    }

    @Test("P11: by path, the link leads to the same backend and its cookie stays there")
    func linkByPath() async throws {
        try await withProxy({ $0.allowsPathRouting = true }) { proxy in
            _ = try proxy.backend("b-1", token: "s3cret")
            let response = try await proxy.exchange(
                "GET /_plane_backend=b-1/_plane_auth?token=s3cret&redirect=/app HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            #expect(response.contains("\r\nLocation: /_plane_backend=b-1/app\r\n"))
            #expect(response.contains("; Path=/_plane_backend=b-1\r\n"))
        }
    }

    @Test("the link's path is the proxy's on every backend: none sees a token that is not its own, or any other")
    func proxysPath() async throws {
        try await withProxy { proxy in
            _ = try proxy.backend("open")
            _ = try proxy.backend("closed", token: "s3cret")
            let client = try proxy.connect()
            func ask(_ path: String, _ host: String, _ fields: String = "") async throws -> String {
                try await client.send("GET \(path) HTTP/1.1\r\nHost: \(host).plane.test\r\n\(fields)\r\n")
                return try await client.receiveMessage()
            }
            for path in ["/_plane_auth?token=x&redirect=/app", "/_plane_auth?redirect=/app"] {
                let response = try await ask(path, "open")
                #expect(response.hasPrefix("HTTP/1.1 302 ") && response.contains("\r\nLocation: /app\r\n"))
                #expect(!response.contains("Set-Cookie"))
            }
            #expect(try await ask("/_plane_auth", "open").contains("\r\nLocation: /\r\n"))
            #expect(try await ask("/_plane_auth?redirect=//evil.example", "open").hasPrefix("HTTP/1.1 400 "))
            let known = try await ask("/_plane_auth?redirect=/app", "closed", "Cookie: _plane_auth=s3cret\r\n")
            #expect(known.hasPrefix("HTTP/1.1 302 ") && known.contains("\r\nLocation: /app\r\n"))
            #expect(try await ask("/_plane_auth", "closed", "Authorization: Bearer s3cret\r\n").hasPrefix("HTTP/1.1 302 "))
            #expect(try await ask("/_plane_auth", "closed").hasPrefix("HTTP/1.1 401 "))
        }
    }
}
