import DroneProxyPolicy
import NIOCore
import PlaneProtocol
import PlaneTestSupport
import ProxyCore
import ProxyCoreConfiguration
import ProxyPages
import Testing

@testable import DroneProxyPolicy

@Suite("Pages: what a person sees whose backend cannot answer")
struct VisitorPagesTests {
    private static let browser = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
    private static let ok = "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok"
    private static let minute: Duration = .seconds(60)

    private static func get(_ fields: String = Self.browser, method: String = "GET", host: String = "b-1.plane.test") -> String {
        "\(method) / HTTP/1.1\r\nHost: \(host)\r\n\(fields)\r\n"
    }

    private static func withPages<Result>(
        _ waitingAfter: Duration = .milliseconds(20), _ change: @escaping (inout PagesConfiguration) -> Void = { _ in },
        _ options: @escaping (inout DroneProxyOptions) -> Void = { _ in }, _ body: (ProxyUnderTest) async throws -> Result
    ) async throws -> Result {
        try await withProxy(
            {
                var pages = PagesConfiguration()
                pages.waitingAfter = waitingAfter
                pages.link = "https://app.example/start?a=1&b=2"
                change(&pages)
                $0.pages = VisitorPages(pages)
                options(&$0)
            }, body)
    }

    // MARK: Gone

    @Test("a browser that asks for a backend that is gone gets a page, which leads to where it can start again")
    func gone() async throws {
        try await Self.withPages { proxy in
            let client = try proxy.connect()
            try await client.send(Self.get())
            let page = try await client.receiveMessage()
            #expect(page.hasPrefix("HTTP/1.1 404 Not Found\r\n"))
            #expect(page.contains("\r\nContent-Type: text/html; charset=utf-8\r\n"))
            #expect(page.contains("<h1>This session is not here</h1>"))
            #expect(page.contains("<a href=\"https://app.example/start?a=1&amp;b=2\">Start again</a>"))
            #expect(page.contains("There is no such backend. (404)"))
        }
    }

    @Test(
        "who does not ask for a page gets the line of text of before",
        arguments: ["", "Accept: */*\r\n", "Accept: application/json\r\n", "Accept: text/html;q=0, */*\r\n", "Accept: text/html; q=0.000\r\n"])
    func others(fields: String) async throws {
        try await Self.withPages { proxy in
            let client = try proxy.connect()
            try await client.send(Self.get(fields))
            let answer = try await client.receiveMessage()
            #expect(answer.hasPrefix("HTTP/1.1 404 Not Found\r\n"))
            #expect(answer.contains("\r\nContent-Type: text/plain; charset=utf-8\r\n"))
            #expect(answer.hasSuffix("\r\n\r\nThere is no such backend.\n"))
        }
    }

    @Test("without pages in the configuration browsers get the line of text too")
    func disabled() async throws {
        try await withProxy { proxy in
            let client = try proxy.connect()
            try await client.send(Self.get())
            #expect(try await client.receiveMessage().hasSuffix("\r\n\r\nThere is no such backend.\n"))
        }
    }

    @Test("a host name that is none of the cluster's gets a page as well")
    func foreignHost() async throws {
        try await Self.withPages { proxy in
            let client = try proxy.connect()
            try await client.send(Self.get(host: "plane.test"))
            let page = try await client.receiveMessage()
            #expect(page.hasPrefix("HTTP/1.1 400 ") && page.contains("<h1>This session is not here</h1>"))
        }
    }

    // MARK: Waiting

    @Test("a browser is held for a while, then shown a page that says what goes on and asks again")
    func waiting() async throws {
        try await Self.withPages { proxy in
            proxy.routes.set("b-1", .starting(token: nil, phase: .loading))
            let client = try proxy.connect()
            try await client.send(Self.get())
            let page = try await client.receiveMessage()
            #expect(page.hasPrefix("HTTP/1.1 503 Service Unavailable\r\n"))
            #expect(page.contains("\r\nRetry-After: 1\r\n"))
            #expect(page.contains("<meta http-equiv=\"refresh\" content=\"1\">"))
            #expect(page.contains("<p role=\"status\">Its image and container are being prepared.</p>"))
            proxy.routes.set("b-1", .starting(token: nil, phase: .starting))
            try await client.send(Self.get())
            #expect(try await client.receiveMessage().contains("<p role=\"status\">Its program is starting.</p>"))
            let backend = try proxy.backend("b-1")
            let answering = backend.answerOnce(Self.ok)
            try await client.send(Self.get())
            #expect(try await client.receiveMessage() == Self.ok)
            _ = try await answering.value
        }
    }

    @Test("a start that is quick shows no page")
    func quick() async throws {
        try await Self.withPages(Self.minute) { proxy in
            proxy.routes.set("b-1", .starting(token: nil))
            let client = try proxy.connect()
            try await client.send(Self.get())
            await proxy.routes.untilRead()
            let backend = try proxy.backend("b-1")
            let answering = backend.answerOnce(Self.ok)
            #expect(try await client.receiveMessage() == Self.ok)
            _ = try await answering.value
        }
    }

    @Test("others wait on while browsers are shown the page", arguments: ["GET", "POST"])
    func mixed(method: String) async throws {
        try await Self.withPages { proxy in
            proxy.routes.set("b-1", .starting(token: nil))
            let other = try proxy.connect()
            try await other.send(Self.get(method == "GET" ? "" : Self.browser + "Content-Length: 0\r\n", method: method))
            await proxy.routes.untilRead()
            let browser = try proxy.connect()
            try await browser.send(Self.get())
            #expect(try await browser.receiveMessage().hasPrefix("HTTP/1.1 503 "))
            let backend = try proxy.backend("b-1")
            let answering = backend.answerOnce(Self.ok)
            #expect(try await other.receiveMessage() == Self.ok)
            _ = try await answering.value
        }
    }

    @Test("where requests are held for less than that, the page comes when the hold is over")
    func shortHold() async throws {
        try await Self.withPages(Self.minute, { _ in }, { $0.limits.hold = .milliseconds(1) }) { proxy in
            proxy.routes.set("b-1", .starting(token: nil))
            let client = try proxy.connect()
            try await client.send(Self.get())
            let page = try await client.receiveMessage()
            #expect(page.hasPrefix("HTTP/1.1 503 ") && page.contains("<h1>Your session is starting</h1>"))
        }
    }

    @Test("the page says how long visitors have waited before")
    func usualWait() {
        var usual = TypicalStart()
        #expect(usual.duration == nil)
        for seconds in [9, 2, 4] as [Int64] { usual.note(.seconds(seconds)) }
        #expect(usual.duration == .seconds(4))
        for _ in 0..<15 { usual.note(.seconds(7)) }
        #expect(usual.duration == .seconds(7))
        let page = VisitorPages(PagesConfiguration()).waiting(phase: .starting, usually: .milliseconds(3600), refusal: nil)
        #expect(page.text.contains("<p role=\"status\">Its program is starting. Usually it takes about 4 seconds.</p>"))
    }

    @Test("a browser without the token sees that it needs one, and not how far the backend is")
    func token() async throws {
        try await Self.withPages { proxy in
            proxy.routes.set("b-1", .starting(token: "s3cret"))
            let client = try proxy.connect()
            try await client.send(Self.get())
            let page = try await client.receiveMessage()
            #expect(page.hasPrefix("HTTP/1.1 401 ") && page.contains("\r\nWWW-Authenticate: Bearer\r\n"))
            #expect(page.contains("<h1>This session is not open to you</h1>") && !page.contains("starting"))
        }
    }

    // MARK: Errors

    @Test("a backend that nothing listens for is a page with a link")
    func refused() async throws {
        try await Self.withPages { proxy in
            let closed = try TestBackend()
            let address = try closed.socketAddress()
            closed.stopListening()
            proxy.routes.set("b-1", .ready(address, token: nil))
            let client = try proxy.connect()
            try await client.send(Self.get())
            let page = try await client.receiveMessage()
            #expect(page.hasPrefix("HTTP/1.1 502 Bad Gateway\r\n"))
            #expect(page.contains("<h1>The session does not answer</h1>") && page.contains("The backend refused the connection. (502)"))
            #expect(page.contains("https://app.example/"))
        }
    }

    @Test("a page of the backend's own is never replaced", arguments: ["404 Not Found", "502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"])
    func own(status: String) async throws {
        try await Self.withPages { proxy in
            let backend = try proxy.backend("b-1")
            let response = "HTTP/1.1 \(status)\r\nDate: now\r\nContent-Length: 3\r\n\r\nown"
            let answering = backend.answerOnce(response)
            let client = try proxy.connect()
            try await client.send(Self.get())
            #expect(try await client.receiveMessage() == response)
            _ = try await answering.value
        }
    }

    // MARK: What the pages are

    @Test("texts of the configuration are text, whatever they hold")
    func escaped() async throws {
        let change: (inout PagesConfiguration) -> Void = { pages in
            pages.language = "de"
            pages.goneTitle = "Weg & <b>fort</b>"
            pages.goneText = "\"nein\""
        }
        try await Self.withPages(Self.minute, change) { proxy in
            let client = try proxy.connect()
            try await client.send(Self.get())
            let page = try await client.receiveMessage()
            #expect(page.contains("<html lang=\"de\">"))
            #expect(page.contains("<h1>Weg &amp; &lt;b&gt;fort&lt;/b&gt;</h1>") && page.contains("<p>&quot;nein&quot;</p>"))
        }
    }

    @Test("every page is small, asks for nothing else and runs no script")
    func small() {
        let pages = VisitorPages(PagesConfiguration())
        let all = [
            pages.waiting(phase: .loading, usually: .seconds(4), refusal: nil),
            pages.page(for: ProxyAnswer(.notFound, "There is no such backend.", refusal: nil)),
            pages.page(for: ProxyAnswer(.unauthorized, "Expected bearer token.", refusal: nil)),
            pages.page(for: ProxyAnswer(.gatewayTimeout, "The backend did not respond in time.", refusal: nil)),
        ]
        for answer in all {
            #expect(answer.text.utf8.count < 4096)
            #expect(answer.text.contains("<html lang=\"en\">") && answer.text.contains("width=device-width"))
            for word in ["src=", "<script", "<link", "@import", "url("] { #expect(!answer.text.contains(word), "\(word)") }
            #expect(answer.fields.contains("Content-Security-Policy: default-src 'none'"))
        }
    }
}
