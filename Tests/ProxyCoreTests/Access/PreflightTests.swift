import DroneProxyPolicy
import PlaneProtocol
import PlaneTestSupport
import ProxyCore
import Testing
import TierHop

@Suite("CORS preflights to backends that ask for a token")
struct PreflightTests {
    private static let ok = "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok"
    private static let fields = "Origin: https://app.example\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization\r\n"

    private static func ask(_ start: String, _ fields: String, lets: Bool = true) async throws -> String {
        try await withProxy({ $0.allowsPreflights = lets }) { proxy in
            let backend = try proxy.backend("b-1", token: "s3cret")
            let serving = backend.answerOnce(Self.ok)
            defer { serving.cancel() }
            return try await proxy.exchange("\(start) HTTP/1.1\r\nHost: b-1.plane.test\r\nConnection: close\r\n\(fields)\r\n")
        }
    }

    @Test("are answered by the backend where that is configured, and 401 otherwise")
    func configured() async throws {
        #expect(try await Self.ask("OPTIONS /api", Self.fields).hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(try await Self.ask("OPTIONS /api", Self.fields, lets: false).hasPrefix("HTTP/1.1 401 "))
    }

    @Test("so it is over HTTP/2", arguments: [(true, "2 200"), (false, "2 401")])
    func http2(lets: Bool, expected: String) async throws {
        let folder = try await CertificateFolder()
        try folder.install(folder.first)
        let listener = ProxyListener(.https(folder.store(offersHTTP2: true)))
        try await withProxy(listener: listener, { $0.allowsPreflights = lets }) { proxy in
            let serving = try proxy.backend("b-1", token: "s3cret").answerOnce(Self.ok)
            defer { serving.cancel() }
            let fields = Self.fields.split(separator: "\r\n").map { "-H '\($0)'" }.joined(separator: " ")
            let output = try await Shell.run(
                "curl -ksS -m 120 --http2 -X OPTIONS \(fields) -o /dev/null -w '%{http_version} %{http_code}' --connect-to '::127.0.0.1:\(proxy.port)' https://b-1.plane.test/api"
            )
            #expect(output == expected)
        }
    }

    @Test("so it is for visitors whom the tier passes on unchecked", arguments: [(true, "HTTP/1.1 200 "), (false, "HTTP/1.1 401 ")])
    func tier(lets: Bool, expected: String) async throws {
        let secret = "0123456789abcdef0123456789abcdef"
        var listener = ProxyListener(.http)
        listener.isInner = true
        try await withProxy(
            listener: listener,
            {
                $0.hopSecret = HopSecret(Secret(secret))
                $0.allowsPreflights = lets
            }
        ) { proxy in
            let serving = try proxy.backend("b-1", token: "s3cret").answerOnce(Self.ok)
            defer { serving.cancel() }
            let response = try await proxy.exchange(
                "OPTIONS /api HTTP/1.1\r\nHost: b-1.plane.test\r\nX-Plane-Tier-Hop: unchecked b-1 \(secret)\r\nConnection: close\r\n\(Self.fields)\r\n")
            #expect(response.hasPrefix(expected))
        }
    }

    @Test(
        "what is not exactly one is asked for the token as ever",
        arguments: [
            ("GET /", Self.fields), ("POST /", Self.fields), ("OPTIONS /", "Origin: https://app.example\r\n"),
            ("OPTIONS /", "Access-Control-Request-Method: POST\r\n"), ("OPTIONS *", Self.fields), ("OPTIONS /", Self.fields + "Content-Length: 1\r\n"),
            ("OPTIONS /", Self.fields + "Transfer-Encoding: chunked\r\n"), ("options /", Self.fields),
            ("OPTIONS /", Self.fields + "Connection: Upgrade\r\nUpgrade: websocket\r\n"),
        ])
    func other(start: String, fields: String) async throws {
        #expect(try await Self.ask(start, fields).hasPrefix("HTTP/1.1 401 "))
    }

    @Test("one with a wrong token is refused, and the link's path stays the proxy's")
    func wrong() async throws {
        #expect(try await Self.ask("OPTIONS /", Self.fields + "Authorization: Bearer x\r\n").hasPrefix("HTTP/1.1 403 "))
        #expect(try await Self.ask("OPTIONS /_plane_auth?token=x", Self.fields).hasPrefix("HTTP/1.1 403 "))
    }
}
