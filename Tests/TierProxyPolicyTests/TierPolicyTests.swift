import Foundation
import NIOCore
import PlaneProtocol
import PlaneTestSupport
import Testing

@testable import TierProxyPolicy

@Suite("The tier: tokens in paths lead to backends on any drone")
struct TierPolicyTests {
    private static let token = TierUnderTest.token
    private static let cors = [
        "Access-Control-Allow-Origin: *", "Access-Control-Allow-Methods: *", "Access-Control-Allow-Headers: *, Authorization",
    ]

    @Test(
        "what cannot be forwarded is answered by the first rule it breaks, without a body",
        arguments: [
            ("/ready", "plane.test", "200 OK"), ("/ready", "any.test", "200 OK"), ("/", "plane.test", "400 Bad Request"),
            ("/?a=b", "plane.test", "400 Bad Request"), ("//x", "plane.test", "400 Bad Request"), ("/short/", "plane.test", "410 Gone"),
            ("/ready/", "plane.test", "410 Gone"), ("/\(TierUnderTest.other)/", "plane.test", "410 Gone"),
            ("/\(TierUnderTest.other)/", "any.test", "410 Gone"), ("/%30123456789abcdefghijklmnopqrstuvwxyzABCDE-_/", "plane.test", "410 Gone"),
            ("/\(Self.token)/", "any.test", "403 Forbidden"), ("/\(Self.token)/", "xplane.test", "403 Forbidden"),
            ("/\(Self.token)/", ".plane.test", "403 Forbidden"), ("/\(Self.token)/", "plane.test:80", "403 Forbidden"),
        ])
    func answers(path: String, host: String, status: String) async throws {
        try await withTier { (tier: TierUnderTest) async throws in
            let answer = try await tier.ask(path, host: host)
            #expect(answer.hasPrefix("HTTP/1.1 \(status)\r\n") && answer.hasSuffix("\r\n\r\n"))
            for line in Self.cors + ["Server: Plane/1-abc"] { #expect(answer.contains("\r\n\(line)\r\n")) }
            #expect(!answer.contains("X-Plane-Backend-Id"))
        }
    }

    @Test("the root leads where the operator says")
    func root() async throws {
        try await withTier {
            $0.rootRedirect = "https://www.example.com/"
        } _: { (tier: TierUnderTest) async throws in
            let answer = try await tier.ask("/")
            #expect(answer.hasPrefix("HTTP/1.1 301 Moved Permanently\r\n") && answer.contains("\r\nLocation: https://www.example.com/\r\n"))
        }
    }

    @Test("until all of the state has been read it is not ready, and a backend that nobody knows may be one")
    func notCurrent() async throws {
        try await withTier { (tier: TierUnderTest) async throws in
            tier.fleet.setCurrent(false)
            tier.fleet.put(TierUnderTest.other, TokenGrant(backend: "b-2", sequence: 2))
            #expect(try await tier.ask("/ready").hasPrefix("HTTP/1.1 503 "))
            let answer = try await tier.ask("/\(TierUnderTest.other)/")
            #expect(answer.hasPrefix("HTTP/1.1 503 ") && answer.contains("\r\nRetry-After: 1\r\n"))
        }
    }

    @Test("a backend that becomes known in the moment in which its token is looked up is waited for, and served when it is ready")
    func knownMeanwhile() async throws {
        try await withTier { (tier: TierUnderTest) async throws in
            tier.fleet.put(TierUnderTest.other, TokenGrant(backend: "b-2", sequence: 2))
            tier.fleet.setAfterNextLook("b-2", .starting)
            let answering = tier.drone.answerOnce("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            let client = try tier.connect()
            try await client.send("GET /\(TierUnderTest.other)/ HTTP/1.1\r\nHost: plane.test\r\n\r\n")
            try await eventually("it is looked for") { tier.fleet.hasBeenLookedFor("b-2") }
            tier.set("b-2", .ready(try tier.drone.socketAddress()))
            #expect(try await client.receiveMessage().hasPrefix("HTTP/1.1 200 "))
            _ = try await answering.value
        }
    }

    @Test("the backend is told who its visitor is by the tier, and by nobody else; the token stays here")
    func visitor() async throws {
        let grant = TokenGrant(backend: "b-1", user: "Zoë", userData: #"{"role":"editor"}"#, secret: "5ecret", sequence: 1)
        try await withTier(grant: grant) { (tier: TierUnderTest) async throws in
            let (request, response) = try await tier.exchange(
                "/\(Self.token)/a%2Fb?c=d",
                fields:
                    "Cookie: e=f\r\nAuthorization: Basic eA==\r\nX-Verified-Username: planted\r\nx_verified_secret: planted\r\nX-Forwarded-For: 192.0.2.66\r\n"
                    + "Connection: x-verified-path\r\n")
            #expect(request.hasPrefix("GET /a%2Fb?c=d HTTP/1.1\r\n"))
            for line in [
                "Host: plane.test", "Cookie: e=f", "Authorization: Basic eA==", "x-verified-username: Zoë", #"x-verified-user-data: {"role":"editor"}"#,
                "x-verified-path: /\(Self.token)/a%2Fb", "x-verified-backend: b-1", "x-verified-secret: 5ecret", "X-Forwarded-For: 127.0.0.1",
                "X-Forwarded-Proto: http", "X-Plane-Tier-Hop: open b-1 \(TierUnderTest.secret)",
            ] { #expect(request.contains("\r\n\(line)\r\n"), "\(line)") }
            #expect(!request.contains("planted") && !request.contains("192.0.2.66"))
            for line in Self.cors + ["X-Plane-Backend-Id: b-1", "Server: Plane/1-abc"] { #expect(response.contains("\r\n\(line)\r\n")) }
        }
    }

    @Test("a token alone is the root of its backend, with the query, and without user and data there is no name and no data")
    func alone() async throws {
        try await withTier { (tier: TierUnderTest) async throws in
            let (request, _) = try await tier.exchange("/\(Self.token)?c=d")
            #expect(request.hasPrefix("GET /?c=d HTTP/1.1\r\n"))
            #expect(!request.contains("x-verified-username") && request.contains("\r\nx-verified-user-data: {}\r\n"))
            #expect(request.contains("\r\nx-verified-secret: \r\n"))
        }
    }

    @Test("a static token stays in the path, and says nothing of a visitor")
    func fixed() async throws {
        try await withTier { (tier: TierUnderTest) async throws in
            tier.fleet.put(
                TierUnderTest.fixed, TokenGrant(backend: "b-1", user: "ann", userData: #"{"a":1}"#, secret: "5ecret", isStatic: true, sequence: 2))
            let (request, _) = try await tier.exchange("/\(TierUnderTest.fixed)/lab")
            #expect(request.hasPrefix("GET /\(TierUnderTest.fixed)/lab HTTP/1.1\r\n"))
            #expect(!request.contains("username") && !request.contains("user-data") && !request.contains("5ecret"))
            #expect(request.contains("\r\nx-verified-secret: \r\n"))
        }
    }

    @Test("a backend with a subdomain is served under it only, whatever its case and with the port of HTTPS; another under any")
    func subdomains() async throws {
        try await withTier(grant: TokenGrant(backend: "b-1", subdomain: "app", sequence: 1)) { (tier: TierUnderTest) async throws in
            for host in ["plane.test", "other.plane.test", "x.app.plane.test"] {
                #expect(try await tier.ask("/\(Self.token)/", host: host).hasPrefix("HTTP/1.1 403 "))
            }
            for host in ["app.plane.test", "APP.Plane.Test:443"] {
                #expect(try await tier.exchange("/\(Self.token)/", host: host).response.hasPrefix("HTTP/1.1 200 "))
            }
        }
        try await withTier { (tier: TierUnderTest) async throws in
            #expect(try await tier.exchange("/\(Self.token)/", host: "a.b.plane.test").response.hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test("a port in the cluster's name is part of it")
    func port() async throws {
        let cluster = try #require(ClusterName(rawValue: "localhost:9090"))
        try await withTier {
            $0.cluster = cluster
        } _: { (tier: TierUnderTest) async throws in
            #expect(try await tier.exchange("/\(Self.token)/", host: "localhost:9090").response.hasPrefix("HTTP/1.1 200 "))
            #expect(try await tier.ask("/\(Self.token)/", host: "localhost").hasPrefix("HTTP/1.1 403 "))
        }
    }

    @Test("what the backend says of other origins stays; a server's name does not")
    func response() async throws {
        try await withTier { (tier: TierUnderTest) async throws in
            let (_, response) = try await tier.exchange(
                "/\(Self.token)/",
                response:
                    "HTTP/1.1 200 OK\r\nServer: app\r\nAccess-Control-Allow-Methods: GET\r\nSet-Cookie: a=b; Domain=plane.test\r\nContent-Length: 0\r\n\r\n")
            #expect(!response.contains("Server: app") && !response.contains("Access-Control-Allow-Origin"))
            #expect(response.contains("\r\nSet-Cookie: a=b; Domain=plane.test\r\n"))
            let (_, below) = try await tier.exchange(
                "/\(Self.token)/", host: "x.plane.test", response: "HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Domain=plane.test\r\nContent-Length: 0\r\n\r\n")
            #expect(below.contains("\r\nSet-Cookie: a=b\r\n"))
        }
    }

    @Test("a request waits for a backend that starts, and is gone when that ends; a host that may not is told afterwards")
    func held() async throws {
        try await withTier { (tier: TierUnderTest) async throws in
            tier.set("b-1", .starting)
            let clients = [("plane.test", try tier.connect()), ("any.test", try tier.connect())]
            for (host, client) in clients { try await client.send("GET /\(Self.token)/x HTTP/1.1\r\nHost: \(host)\r\n\r\n") }
            try await eventually("the token was looked up") { tier.fleet.fetchCount == 1 }
            let answering = tier.drone.answerOnce("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            tier.set("b-1", .ready(try tier.drone.socketAddress()))
            #expect(try await clients[1].1.receiveMessage().hasPrefix("HTTP/1.1 403 "))
            #expect(try await answering.value.request.hasPrefix("GET /x "))
            #expect(try await clients[0].1.receiveMessage().hasPrefix("HTTP/1.1 200 "))
            tier.fleet.put(TierUnderTest.other, TokenGrant(backend: "b-2", sequence: 2))
            tier.set("b-2", .starting)
            let client = try tier.connect()
            try await client.send("GET /\(TierUnderTest.other)/ HTTP/1.1\r\nHost: plane.test\r\n\r\n")
            try await eventually("the token was looked up") { tier.fleet.fetchCount == 2 }
            tier.set("b-2", .ended)
            #expect(try await client.receiveMessage().hasPrefix("HTTP/1.1 410 "))
        }
    }

    @Test("a drone whose proxy is away is 502 at once, to be tried again; one that takes nothing from a tier is 502 too")
    func away() async throws {
        try await withTier { (tier: TierUnderTest) async throws in
            tier.set("b-1", .ready(try SocketAddress(ipAddress: "127.0.0.1", port: Int(try freeLoopbackPort()))))
            let answer = try await tier.ask("/\(Self.token)/")
            #expect(answer.hasPrefix("HTTP/1.1 502 ") && answer.contains("\r\nRetry-After: 1\r\n"))
            tier.set("b-1", .unreachable)
            #expect(try await tier.ask("/\(Self.token)/").hasPrefix("HTTP/1.1 502 "))
        }
    }

    @Test("a backend by its own name is led to its drone with all its paths, which checks the visitor; nothing is added to what it says")
    func byName() async throws {
        try await withTier { (tier: TierUnderTest) async throws in
            for path in ["/", "/ready", "//x", "/\(TierUnderTest.other)/"] {
                let (request, response) = try await tier.exchange(path, host: "B-1.plane.test", fields: "X-Verified-Username: planted\r\n")
                #expect(request.hasPrefix("GET \(path) HTTP/1.1\r\nHost: B-1.plane.test\r\n"))
                #expect(request.contains("\r\nX-Plane-Tier-Hop: unchecked b-1 \(TierUnderTest.secret)\r\n") && !request.contains("planted"))
                #expect(!response.contains("Plane"))
            }
            #expect(try await tier.exchange("/\(Self.token)/y", host: "b-1.plane.test").request.hasPrefix("GET /y "))
        }
    }

    @Test("what a drone passes on is led to the right drone with who its visitor is; without the secret, and for a token, nothing is")
    func forwarded() async throws {
        try await withTier { (tier: TierUnderTest) async throws in
            func ask(_ host: String, _ fields: String) async throws -> String {
                let client = try TestPeer.connect(port: tier.innerPort)
                try await client.send("GET /a HTTP/1.1\r\nHost: \(host)\r\n\(fields)Connection: close\r\n\r\n")
                return try await client.receiveToEnd()
            }
            let hop = "X-Plane-Tier-Hop: unchecked b-1 \(TierUnderTest.secret)\r\n"
            let answering = tier.drone.answerOnce("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            #expect(try await ask("b-1.plane.test", hop + "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\n").hasPrefix("HTTP/1.1 200 "))
            let request = try await answering.value.request
            for line in [String(hop.dropLast()), "X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: https"] {
                #expect(request.contains("\r\n\(line)\r\n"))
            }
            #expect(request.components(separatedBy: "X-Plane-Tier-Hop").count == 2)
            #expect(try await ask("b-9.plane.test", hop).hasPrefix("HTTP/1.1 404 "))
            for field in ["", hop.replacing("unchecked", with: "open"), hop.replacing("0123", with: "3210")] {
                #expect(try await ask("b-1.plane.test", field).hasPrefix("HTTP/1.1 403 "))
            }
            tier.fleet.setCurrent(false)
            #expect(try await ask("b-9.plane.test", hop).hasPrefix("HTTP/1.1 503 "))
        }
    }

    @Test("of several clusters each has its own backends, tokens and names, by the host of a request")
    func clusters() async throws {
        try await withTier(servesOther: true) { (tier: TierUnderTest) async throws in
            let drone = try TestBackend()
            tier.otherFleet.set("b-1", .ready(try drone.socketAddress()))
            tier.otherFleet.put(TierUnderTest.other, TokenGrant(backend: "b-1", sequence: 1))
            #expect(try await tier.exchange("/\(Self.token)/").response.hasPrefix("HTTP/1.1 200 "))
            #expect(try await tier.ask("/\(Self.token)/", host: "other.test").hasPrefix("HTTP/1.1 410 "))
            #expect(try await tier.ask("/\(TierUnderTest.other)/").hasPrefix("HTTP/1.1 410 "))
            for (path, host) in [("/\(TierUnderTest.other)/x", "other.test"), ("/x", "b-1.other.test")] {
                let answering = drone.answerOnce("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
                #expect(try await tier.ask(path, host: host).hasPrefix("HTTP/1.1 200 "))
                #expect(try await answering.value.request.hasPrefix("GET /x "))
            }
            tier.directory.apply(.revoked(TierRevocation(.backend("b-1"), sequence: 5)))
            #expect(try await tier.ask("/\(Self.token)/").hasPrefix("HTTP/1.1 410 "))
            let answering = drone.answerOnce("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
            #expect(try await tier.ask("/\(TierUnderTest.other)/", host: "other.test").hasPrefix("HTTP/1.1 200 "), "that was another cluster's backend")
            _ = try await answering.value
        }
    }
}
