import DroneProxyPolicy
import NIOCore
import PlaneProtocol
import PlaneTestSupport
import Testing
import TierHop

@testable import ProxyCore

@Suite("The listener for the tier: whoever shows the secret says whom a request is for")
struct TierListenerTests {
    private static let ok = "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok"
    private static let secret = "0123456789abcdef0123456789abcdef"

    private static func hop(_ word: String, _ backend: String = "b-1", secret: String = Self.secret) -> String {
        "X-Plane-Tier-Hop: \(word) \(backend) \(secret)\r\n"
    }

    private static func withInner<Result>(
        _ configure: (inout DroneProxyOptions) throws -> Void = { _ in }, _ body: (ProxyUnderTest) async throws -> Result
    ) async throws -> Result {
        var listener = ProxyListener(.http)
        listener.isInner = true
        return try await withProxy(
            listener: listener,
            {
                $0.hopSecret = HopSecret(Secret(Self.secret))
                try configure(&$0)
            }, body)
    }

    @Test("what the tier has admitted reaches its backend whatever its host is, as it is but for the tier's own field, and counts as activity")
    func admitted() async throws {
        try await Self.withInner { proxy in
            let backend = try proxy.backend("b-1", token: "inside")
            let client = try proxy.connect()
            try await client.send(
                "GET /_plane_auth?token=x HTTP/1.1\r\nHost: sub.plane.test:8443\r\n\(Self.hop("open"))Authorization: Basic eA==\r\n"
                    + "Cookie: a=b; _plane_auth=c\r\nX-Verified-Username: ann\r\nX-Forwarded-For: 192.0.2.66\r\nX-Forwarded-Proto: https\r\n"
                    + "X-Forwarded-Host: sub.plane.test:8443\r\n\r\n")
            let (request, _) = try await backend.answerOnce(Self.ok).value
            #expect(request.hasPrefix("GET /_plane_auth?token=x HTTP/1.1\r\nHost: sub.plane.test:8443\r\n"))
            for line in [
                "Authorization: Basic eA==", "Cookie: a=b; _plane_auth=c", "X-Verified-Username: ann", "X-Forwarded-For: 192.0.2.66",
                "X-Forwarded-Proto: https", "X-Forwarded-Host: sub.plane.test:8443",
            ] { #expect(request.contains("\r\n\(line)\r\n"), "\(line)") }
            #expect(!request.lowercased().contains("tier") && !request.contains(Self.secret))
            #expect(try await client.receiveMessage().hasSuffix("ok"))
            var rounds = proxy.activity.rounds.makeAsyncIterator()
            #expect(await rounds.next() == ["b-1"])
        }
    }

    @Test(
        "without the secret, or with a field that cannot be meant, nothing passes",
        arguments: [
            "", Self.hop("open", secret: "0123456789abcdef0123456789abcdeF"), Self.hop("open", secret: "0123456789abcdef"),
            Self.hop("open") + Self.hop("open"), Self.hop("OPEN"), Self.hop("open", ""), Self.hop("open", String(repeating: "b", count: 64)),
            "X-Plane-Tier-Hop: open b-1\r\n", "X_Plane_Tier_Hop: open b-1 \(Self.secret)\r\n", "Authorization: Bearer inside\r\n",
        ])
    func refused(field: String) async throws {
        try await Self.withInner { proxy in
            _ = try proxy.backend("b-1", token: "inside")
            let response = try await proxy.exchange("GET / HTTP/1.1\r\nHost: b-1.plane.test\r\n\(field)Connection: close\r\n\r\n")
            #expect(response.hasPrefix("HTTP/1.1 403 Forbidden\r\n"))
        }
    }

    @Test("a visitor whom the tier has not checked is asked for the backend's token, as at the drone's door, and the backend does not see it")
    func unchecked() async throws {
        try await Self.withInner { proxy in
            let backend = try proxy.backend("b-1", token: "inside")
            let client = try proxy.connect()
            func ask(_ path: String, _ fields: String) async throws {
                try await client.send("GET \(path) HTTP/1.1\r\nHost: b-1.plane.test\r\n\(Self.hop("unchecked"))\(fields)\r\n")
            }
            try await ask("/", "")
            let missing = try await client.receiveMessage()
            #expect(missing.hasPrefix("HTTP/1.1 401 ") && missing.contains("\r\nWWW-Authenticate: Bearer\r\n"))
            try await ask("/_plane_auth?token=inside", "X-Forwarded-Proto: https\r\n")
            let page = try await client.receiveMessage()
            #expect(page.hasPrefix("HTTP/1.1 302 ") && page.contains("; Secure\r\n"))
            try await ask("/", "Authorization: Bearer inside\r\n")
            let (request, _) = try await backend.answerOnce("HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Domain=plane.test\r\nContent-Length: 0\r\n\r\n").value
            #expect(!request.contains("inside") && !request.contains(Self.secret))
            #expect(try await client.receiveMessage().contains("\r\nSet-Cookie: a=b\r\n"))
        }
    }

    @Test("a cookie for the tier's own host passes where the tier has admitted the visitor")
    func cookies() async throws {
        try await Self.withInner { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            try await client.send("GET / HTTP/1.1\r\nHost: plane.test\r\n\(Self.hop("open"))\r\n")
            _ = try await backend.answerOnce("HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Domain=plane.test\r\nContent-Length: 0\r\n\r\n").value
            #expect(try await client.receiveMessage().contains("\r\nSet-Cookie: a=b; Domain=plane.test\r\n"))
        }
    }

    @Test("a request waits for a backend that starts; one that has ended is gone for the tier, and not found for a visitor by name")
    func held() async throws {
        try await Self.withInner { proxy in
            proxy.routes.set("b-1", .starting(token: "inside"))
            let client = try proxy.connect()
            try await client.send("GET /x HTTP/1.1\r\nHost: plane.test\r\n\(Self.hop("open"))\r\n")
            await proxy.routes.untilRead()
            let backend = try proxy.backend("b-1", token: "inside")
            #expect(try await backend.answerOnce(Self.ok).value.request.hasPrefix("GET /x "))
            #expect(try await client.receiveMessage().hasPrefix("HTTP/1.1 200 "))
            proxy.routes.set("b-2", .ended)
            for (word, status) in [("open", "410 Gone"), ("unchecked", "404 Not Found")] {
                try await client.send("GET / HTTP/1.1\r\nHost: plane.test\r\n\(Self.hop(word, "b-2"))\r\n")
                #expect(try await client.receiveMessage().hasPrefix("HTTP/1.1 \(status)\r\n"))
            }
        }
    }

    @Test("what the tier takes for a backend of this drone, and is none, is to be asked for again: it runs on another", arguments: ["open", "unchecked"])
    func elsewhere(word: String) async throws {
        try await Self.withInner { proxy in
            let answer = try await proxy.exchange("GET / HTTP/1.1\r\nHost: plane.test\r\n\(Self.hop(word, "b-3"))Connection: close\r\n\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 503 ") && answer.contains("\r\nRetry-After: 1\r\n"))
        }
    }

    @Test("the limit on connections of one address is not the tier's, which speaks for many")
    func limit() async throws {
        try await Self.withInner({ $0.limits.connectionsPerAddress = 1 }) { proxy in
            let backend = try proxy.backend("b-1")
            let serving = backend.serve(Self.ok)
            defer { serving.cancel() }
            let clients = try (0..<3).map { _ in try proxy.connect() }
            for client in clients {
                try await client.send("GET / HTTP/1.1\r\nHost: plane.test\r\n\(Self.hop("open"))\r\n")
                #expect(try await client.receiveMessage().hasPrefix("HTTP/1.1 200 "))
            }
        }
    }

    @Test("at the door for visitors the secret opens nothing, and nobody but the tier says who a visitor is")
    func door() async throws {
        try await withProxy({ $0.hopSecret = HopSecret(Secret(Self.secret)) }) { proxy in
            _ = try proxy.backend("closed", token: "inside")
            let closed = try await proxy.exchange(
                "GET / HTTP/1.1\r\nHost: closed.plane.test\r\n\(Self.hop("open", "closed"))Connection: close\r\n\r\n")
            #expect(closed.hasPrefix("HTTP/1.1 401 "))
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            try await client.send(
                "GET / HTTP/1.1\r\nHost: b-1.plane.test\r\nX-Verified-Username: planted\r\nX_Verified_Path: planted\r\nx-verified-: planted\r\n"
                    + "X-Verify: mine\r\n\r\n")
            let (request, _) = try await backend.answerOnce(Self.ok).value
            #expect(request.contains("\r\nX-Verify: mine\r\n") && !request.contains("Username") && !request.contains("Verified_Path"))
        }
    }

    @Test(
        "a secret is long enough and can stand in a field",
        arguments: [
            ("0123456789abcdef0123456789abcdef", true), ("0123456789abcdef0123456789abcde", false), ("0123456789abcdef 0123456789abcdef", false),
            ("0123456789abcdef\n0123456789abcdef", false), ("0123456789äbcdef0123456789abcdef", false), (String(repeating: "x", count: 257), false),
        ])
    func secrets(text: String, isGood: Bool) {
        #expect((HopSecret(Secret(text)) != nil) == isGood)
    }
}
