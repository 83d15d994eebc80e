import NIOCore
import PlaneTestSupport
import ProxyCore
import ProxyCoreConfiguration
import ProxyPages
import Testing

@testable import TierProxyPolicy

@Suite("The tier: what a person sees whose session cannot be reached")
struct TierPagesTests {
    private static let token = TierUnderTest.token
    private static let browser = "Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8\r\n"

    private static func withPages(
        _ waitingAfter: Duration = .milliseconds(20), _ body: (TierUnderTest) async throws -> Void
    ) async throws {
        try await withTier(
            grant: TokenGrant(backend: "b-1", sequence: 1), servesOther: false,
            {
                var pages = PagesConfiguration()
                pages.waitingAfter = waitingAfter
                pages.link = "https://app.example/start"
                $0.pages = VisitorPages(pages)
            }, body)
    }

    @Test(
        "a browser gets a page with the status that others get, and with a way on; others get no body",
        arguments: [
            ("/", "plane.test", "400 Bad Request", "This session is not here"), ("//x", "plane.test", "400 Bad Request", "This session is not here"),
            ("/short/", "plane.test", "410 Gone", "This session is not here"),
            ("/\(TierUnderTest.other)/", "plane.test", "410 Gone", "This session is not here"),
            ("/\(Self.token)/", "any.test", "403 Forbidden", "This session is not open to you"),
        ])
    func answers(path: String, host: String, status: String, title: String) async throws {
        try await Self.withPages { (tier: TierUnderTest) async throws in
            let page = try await tier.ask(path, host: host, fields: Self.browser)
            #expect(page.hasPrefix("HTTP/1.1 \(status)\r\n") && page.contains("\r\nContent-Type: text/html; charset=utf-8\r\n"), "\(page)")
            #expect(page.contains("<h1>\(title)</h1>") && page.contains("<a href=\"https://app.example/start\">"))
            #expect(page.contains("\r\nServer: Plane/1-abc\r\n") && page.contains("\r\nAccess-Control-Allow-Origin: *\r\n"))
            for fields in ["", "Accept: */*\r\n", "Accept: text/html;q=0\r\n", Self.browser + "Connection: upgrade\r\nUpgrade: websocket\r\n"] {
                let answer = try await tier.ask(path, host: host, fields: fields)
                #expect(answer.hasPrefix("HTTP/1.1 \(status)\r\n") && answer.hasSuffix("\r\n\r\n"), "\(fields)")
            }
        }
    }

    @Test("a browser waits for a while, then sees a page that asks again, and gets its session as soon as that is ready", arguments: [true, false])
    func waiting(isByName: Bool) async throws {
        try await Self.withPages { (tier: TierUnderTest) async throws in
            let (path, host) = isByName ? ("/", "b-1.plane.test") : ("/\(Self.token)/", "plane.test")
            tier.set("b-1", .starting)
            let page = try await tier.ask(path, host: host, fields: Self.browser)
            #expect(page.hasPrefix("HTTP/1.1 503 ") && page.contains("\r\nRetry-After: 1\r\n"))
            #expect(page.contains("<meta http-equiv=\"refresh\" content=\"1\">") && page.contains("<h1>Your session is starting</h1>"))
            tier.set("b-1", .ready(try tier.drone.socketAddress()))
            #expect(try await tier.exchange(path, host: host, fields: Self.browser).response.hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test("others wait on while browsers see the page, and so does a browser that sends a form")
    func mixed() async throws {
        try await Self.withPages { (tier: TierUnderTest) async throws in
            tier.set("b-1", .starting)
            let others = [try tier.connect(), try tier.connect()]
            try await others[0].send("GET /\(Self.token)/a HTTP/1.1\r\nHost: plane.test\r\nConnection: close\r\n\r\n")
            try await others[1].send(
                "POST /\(Self.token)/a HTTP/1.1\r\nHost: plane.test\r\n\(Self.browser)Content-Length: 0\r\nConnection: close\r\n\r\n")
            #expect(try await tier.ask("/\(Self.token)/", fields: Self.browser).hasPrefix("HTTP/1.1 503 "))
            let ready = try tier.drone.socketAddress()
            for (number, other) in others.enumerated() {
                let answering = tier.drone.answerOnce("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
                if number == 0 { tier.set("b-1", .ready(ready)) }
                _ = try await answering.value
                _ = other
            }
            for other in others { #expect(try await other.receiveToEnd().hasPrefix("HTTP/1.1 200 ")) }
        }
    }

    @Test("a start that is quick shows no page")
    func quick() async throws {
        try await Self.withPages(.seconds(60)) { (tier: TierUnderTest) async throws in
            tier.set("b-1", .starting)
            let client = try tier.connect()
            try await client.send("GET /\(Self.token)/ HTTP/1.1\r\nHost: plane.test\r\n\(Self.browser)\r\n")
            try await eventually("the token was looked up") { tier.fleet.fetchCount == 1 }
            let answering = tier.drone.answerOnce("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            tier.set("b-1", .ready(try tier.drone.socketAddress()))
            #expect(try await client.receiveMessage().hasPrefix("HTTP/1.1 200 "))
            _ = try await answering.value
        }
    }

    @Test("a drone whose proxy is away, and a state that is not known yet, are pages that say to try again")
    func errors() async throws {
        try await Self.withPages { (tier: TierUnderTest) async throws in
            tier.set("b-1", .ready(try SocketAddress(ipAddress: "127.0.0.1", port: Int(try freeLoopbackPort()))))
            let away = try await tier.ask("/\(Self.token)/", fields: Self.browser)
            #expect(away.hasPrefix("HTTP/1.1 502 ") && away.contains("\r\nRetry-After: 1\r\n") && away.contains("<h1>The session does not answer</h1>"))
            tier.set("b-1", .unreachable)
            #expect(try await tier.ask("/\(Self.token)/", fields: Self.browser).contains("<h1>The session does not answer</h1>"))
            tier.fleet.setCurrent(false)
            let unknown = try await tier.ask("/", host: "b-9.plane.test", fields: Self.browser)
            #expect(
                unknown.hasPrefix("HTTP/1.1 503 ") && unknown.contains("\r\nRetry-After: 1\r\n") && unknown.contains("<h1>The session does not answer</h1>"))
        }
    }

    @Test("a page of the backend's own is never replaced", arguments: ["404 Not Found", "410 Gone", "502 Bad Gateway", "503 Service Unavailable"])
    func own(status: String) async throws {
        try await Self.withPages { (tier: TierUnderTest) async throws in
            let response = try await tier.exchange(
                "/\(Self.token)/", fields: Self.browser, response: "HTTP/1.1 \(status)\r\nContent-Length: 3\r\n\r\nown"
            ).response
            #expect(response.hasPrefix("HTTP/1.1 \(status)\r\n") && response.hasSuffix("\r\n\r\nown"))
        }
    }
}
