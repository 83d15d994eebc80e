import DroneProxyPolicy
import NIOCore
import PlaneProtocol
import PlaneTestSupport
import ProxyCore
import Testing

@Suite("A policy whose routes are pushed and whose next hop is another proxy, on the same engine")
struct TierPolicyTests {
    private static let ok = "HTTP/1.1 200 OK\r\nDate: now\r\nServer: app\r\nContent-Length: 2\r\n\r\nok"

    private static func withTier(_ body: (_ routes: TierRoutes, _ tier: PolicyUnderTest) async throws -> Void) async throws {
        let routes = TierRoutes()
        try await withEngine(try await TierPolicies(routes)) { try await body(routes, $0) }
    }

    /// One backend, which asks for a token.
    private struct OneBackend: PolledRouteSource {
        let answer: RouteAnswer

        func changes(since version: Int64?) throws -> RouteChanges { RouteChanges(version: 1, names: .listed([])) }

        func route(_ name: String) throws -> RouteAnswer { name == "b-1" ? self.answer : .none }
    }

    @Test("a drone's proxy behind it lets the request pass by the token it is given, and the backend learns who the visitor is")
    func throughTwo() async throws {
        try await Self.withTier { routes, tier in
            let backend = try TestBackend()
            var options = DroneProxyOptions(clusterName: "plane.test")
            options.trustsForwarding = true
            let drone = try await DronePolicySource(
                options, routes: OneBackend(answer: .ready(try backend.socketAddress(), token: "s3cret")))
            try await withEngine(drone) { inner in
                let address = try SocketAddress(ipAddress: "127.0.0.1", port: Int(inner.port))
                routes.set("t0ken", TierRoutes.Value(backend: "b-1", secret: "s3cret", address: address))
                let client = try tier.connect()
                try await client.send(
                    "GET /t0ken/a/b?c HTTP/1.1\r\nHost: any.test\r\nAuthorization: Basic x\r\nX-Verified-Backend: planted\r\nX_Verified_User: planted\r\n"
                        + "X-Forwarded-For: 192.0.2.66\r\n\r\n")
                let (request, _) = try await backend.answerOnce(Self.ok).value
                #expect(request.hasPrefix("GET /a/b?c HTTP/1.1\r\n"))
                #expect(request.contains("\r\nHost: b-1.plane.test\r\n"))
                #expect(request.contains("\r\nX-Tier-Backend: b-1\r\n") && !request.contains("planted"))
                #expect(request.contains("\r\nX-Visitor: 127.0.0.1\r\n") && !request.contains("192.0.2.66"))
                #expect(!request.contains("s3cret") && !request.contains("t0ken") && !request.contains("Basic"))
                let response = try await client.receiveMessage()
                #expect(response.contains("\r\nServer: tier\r\nX-Backend-Id: b-1\r\n") && !response.contains("Server: app"))
            }
        }
    }

    @Test("a pushed change holds for the next request, is the only one that is read, and a token that is taken back opens nothing")
    func pushed() async throws {
        try await Self.withTier { routes, tier in
            let (before, after) = (try TestBackend(), try TestBackend())
            func value(_ backend: TestBackend) throws -> TierRoutes.Value {
                TierRoutes.Value(backend: "b-1", secret: "s", address: try backend.socketAddress())
            }
            routes.set("t0ken", try value(before))
            routes.set("other", try value(before))
            let client = try tier.connect()
            for token in ["t0ken", "other"] {
                try await client.send("GET /\(token)/ HTTP/1.1\r\nHost: any.test\r\n\r\n")
                _ = try await before.answerOnce(Self.ok).value
                #expect(try await client.receiveMessage().hasPrefix("HTTP/1.1 200 "))
            }
            #expect(routes.readCount == 2)
            for number in 0..<1000 { routes.set("unused-\(number)", try value(before)) }
            routes.set("t0ken", try value(after))
            try await eventually("the change has been read") { routes.readCount == 3 }
            try await Self.untilAllIsKnown(tier)
            try await client.send("GET /t0ken/ HTTP/1.1\r\nHost: any.test\r\n\r\n")
            _ = try await after.answerOnce(Self.ok).value
            #expect(try await client.receiveMessage().hasPrefix("HTTP/1.1 200 "))
            routes.set("t0ken", .none)
            try await eventually("the end has been read") { routes.readCount == 5 }
            try await Self.untilAllIsKnown(tier)
            try await client.send("GET /t0ken/ HTTP/1.1\r\nHost: any.test\r\n\r\n")
            #expect(try await client.receiveMessage().hasPrefix("HTTP/1.1 404 "))
        }
    }

    /// What was read before is told to the event loop before the answer to this question, which is for a name that nobody knows.
    private static func untilAllIsKnown(_ tier: PolicyUnderTest) async throws {
        let answer = try await tier.exchange("GET /unknown/ HTTP/1.1\r\nHost: any.test\r\nConnection: close\r\n\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 404 "))
    }

    @Test("a request waits for a next hop that there is not yet, and goes on at the push that names one")
    func held() async throws {
        try await Self.withTier { routes, tier in
            routes.set("t0ken", TierRoutes.Value(backend: "b-1", secret: "s"))
            let client = try tier.connect()
            try await client.send("GET /t0ken/x HTTP/1.1\r\nHost: any.test\r\n\r\n")
            try await eventually("the token was looked up") { routes.readCount == 1 }
            let backend = try TestBackend()
            routes.set("t0ken", TierRoutes.Value(backend: "b-1", secret: "s", address: try backend.socketAddress()))
            #expect(try await backend.answerOnce(Self.ok).value.request.hasPrefix("GET /x "))
            #expect(try await client.receiveMessage().hasPrefix("HTTP/1.1 200 "))
        }
    }
}
