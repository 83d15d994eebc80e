import DroneProxyPolicy
import NIOCore
import PlaneProtocol
import PlaneTestSupport
import Testing
import TierHop

@testable import ProxyCore

@Suite("A visitor who has come to the wrong drone is passed on to the tier, where that is wanted")
struct ForwardTests {
    private static let secret = "0123456789abcdef0123456789abcdef"

    private func withForward(_ body: (ProxyUnderTest, TestBackend) async throws -> Void) async throws {
        let tier = try TestBackend()
        let address = try tier.socketAddress()
        try await withProxy {
            $0.hopSecret = HopSecret(Secret(Self.secret))
            $0.forward = address
        } _: { proxy in
            try await body(proxy, tier)
        }
    }

    @Test("what is for a backend that is not here goes there as it came, with its backend's name and who the visitor is, and nothing planted")
    func forwarded() async throws {
        try await self.withForward { proxy, tier in
            let client = try proxy.connect()
            try await client.send(
                "GET /a?b HTTP/1.1\r\nHost: B-9.plane.test\r\nAuthorization: Bearer for-b-9\r\nCookie: _plane_auth=for-b-9\r\n"
                    + "X-Plane-Tier-Hop: open b-9 planted\r\nX-Verified-Username: planted\r\nX-Forwarded-For: 192.0.2.66\r\n\r\n")
            let (request, _) = try await tier.answerOnce(
                "HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Domain=b-9.plane.test\r\nContent-Length: 2\r\n\r\nok"
            ).value
            #expect(request.hasPrefix("GET /a?b HTTP/1.1\r\nHost: B-9.plane.test\r\n"))
            for line in [
                "X-Plane-Tier-Hop: unchecked b-9 \(Self.secret)", "Authorization: Bearer for-b-9", "Cookie: _plane_auth=for-b-9",
                "X-Forwarded-For: 127.0.0.1", "X-Forwarded-Proto: http",
            ] { #expect(request.contains("\r\n\(line)\r\n"), "\(line)") }
            #expect(!request.contains("planted") && !request.contains("192.0.2.66"))
            #expect(try await client.receiveMessage().contains("\r\nSet-Cookie: a=b; Domain=b-9.plane.test\r\n"))
        }
    }

    @Test("what is for a backend of this drone stays here, and a name outside of the cluster is refused as ever")
    func own() async throws {
        try await self.withForward { proxy, _ in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            try await client.send("GET / HTTP/1.1\r\nHost: b-1.plane.test\r\n\r\n")
            _ = try await backend.answerOnce("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").value
            #expect(try await client.receiveMessage().hasSuffix("ok"))
            let foreign = try await proxy.exchange("GET / HTTP/1.1\r\nHost: other.test\r\nConnection: close\r\n\r\n")
            #expect(foreign.hasPrefix("HTTP/1.1 400 "))
        }
    }

    @Test("what the tier has sent is not sent back to it")
    func noLoop() async throws {
        let tier = try TestBackend()
        let address = try tier.socketAddress()
        var listener = ProxyListener(.http)
        listener.isInner = true
        try await withProxy(
            listener: listener,
            {
                $0.hopSecret = HopSecret(Secret(Self.secret))
                $0.forward = address
            }
        ) { proxy in
            let answer = try await proxy.exchange(
                "GET / HTTP/1.1\r\nHost: b-9.plane.test\r\nX-Plane-Tier-Hop: unchecked b-9 \(Self.secret)\r\nConnection: close\r\n\r\n")
            // It may know soon that the backend is elsewhere.
            #expect(answer.hasPrefix("HTTP/1.1 503 ") && answer.contains("\r\nRetry-After: 1\r\n"), "\(answer)")
        }
    }

    @Test("with the tier away the visitor is told that the backend is out of reach")
    func away() async throws {
        try await self.withForward { proxy, tier in
            tier.stopListening()
            let answer = try await proxy.exchange("GET / HTTP/1.1\r\nHost: b-9.plane.test\r\nConnection: close\r\n\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 502 "))
        }
    }
}
