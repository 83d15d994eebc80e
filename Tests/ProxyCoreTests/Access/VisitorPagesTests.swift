import DroneProxyPolicy
import Foundation
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
            // The proxy may hear of it a moment later.
            try await eventually("the page says so") {
                try await client.send(Self.get())
                return try await client.receiveMessage().contains("<p role=\"status\">Its program is starting.</p>")
            }
            let backend = try proxy.backend("b-1")
            let answering = backend.answerOnce(Self.ok)
            try await eventually("the backend is shown") {
                try await client.send(Self.get())
                return try await client.receiveMessage() == Self.ok
            }
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

    @Test("a backend that is silent for too long is a page, too")
    func silent() async throws {
        try await Self.withPages(Self.minute, { _ in }, { $0.limits.response = .milliseconds(1) }) { proxy in
            let backend = try proxy.backend("b-1")
            let accepting = Task { try await backend.accept() }
            let client = try proxy.connect()
            try await client.send(Self.get())
            let page = try await client.receiveMessage()
            #expect(page.hasPrefix("HTTP/1.1 504 ") && page.contains("<h1>The session does not answer</h1>"))
            _ = try await accepting.value
        }
    }

    @Test("a browser that sends a form without the token is told in a page that it needs one")
    func form() async throws {
        try await Self.withPages { proxy in
            _ = try proxy.backend("b-1", token: "s3cret")
            let client = try proxy.connect()
            try await client.send(Self.get(Self.browser + "Content-Length: 3\r\n", method: "POST") + "a=b")
            let page = try await client.receiveMessage()
            #expect(page.hasPrefix("HTTP/1.1 401 ") && page.contains("<h1>This session is not open to you</h1>"))
        }
    }

    @Test("where there is a landing page of the operator's own, it takes the place of the page for what is gone, and of no other")
    func landing() async throws {
        let other = try TestBackend()
        let address = try other.socketAddress()
        try await Self.withPages(Self.minute, { _ in }, { $0.passthrough = address }) { proxy in
            let answering = other.answerOnce(Self.ok)
            let client = try proxy.connect()
            try await client.send(Self.get(host: "gone.plane.test"))
            #expect(try await client.receiveMessage() == Self.ok)
            #expect(try await answering.value.request.contains("\r\nHost: gone.plane.test\r\n"))
            _ = try proxy.backend("b-1", token: "s3cret")
            try await client.send(Self.get())
            #expect(try await client.receiveMessage().contains("<h1>This session is not open to you</h1>"))
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

    @Test("every text of the configuration is on its page, and the link where there is a way on")
    func texts() {
        var texts = PagesConfiguration()
        (texts.waitingTitle, texts.waitingText) = ("W1", "W2")
        (texts.loadingText, texts.startingText, texts.usualText) = ("L1", "S1", "U{seconds}U")
        (texts.goneTitle, texts.goneText) = ("G1", "G2")
        (texts.refusedTitle, texts.refusedText) = ("R1", "R2")
        (texts.errorTitle, texts.errorText) = ("E1", "E2")
        (texts.link, texts.linkText) = ("https://app.example/", "K1")
        let pages = VisitorPages(texts)
        let link = "<a href=\"https://app.example/\">K1</a>"
        for (answer, expected, isWaiting) in [
            (pages.waiting(phase: .loading, usually: .seconds(7), refusal: nil), ["<title>W1<", "<h1>W1<", "<p>W2<", ">L1 U7U<"], true),
            (pages.waiting(phase: .starting, usually: nil, refusal: nil), ["<h1>W1<", ">S1<"], true),
            (pages.waiting(phase: nil, usually: nil, refusal: nil), ["<h1>W1<", "<p>W2<"], true),
            (pages.page(for: ProxyAnswer(.notFound, "D", refusal: nil)), ["<h1>G1<", "<p>G2<", "D (404)"], false),
            (pages.page(for: ProxyAnswer(.badRequest, "D", refusal: nil)), ["<h1>G1<", "D (400)"], false),
            (pages.page(for: ProxyAnswer(.gone, "", refusal: nil)), ["<h1>G1<", ">Gone (410)<"], false),
            (pages.page(for: ProxyAnswer(.unauthorized, "D", refusal: nil)), ["<h1>R1<", "<p>R2<", "D (401)"], false),
            (pages.page(for: ProxyAnswer(.forbidden, "D", refusal: nil)), ["<h1>R1<", "D (403)"], false),
            (pages.page(for: ProxyAnswer(.badGateway, "D", refusal: nil)), ["<h1>E1<", "<p>E2<", "D (502)"], false),
        ] {
            for text in expected { #expect(answer.text.contains(text), "\(text)") }
            #expect(answer.text.contains(link) != isWaiting)
        }
    }

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

    @Test("every page fits into a narrow window, whatever its texts are, in Debian's Chromium", .timeLimit(.minutes(10)))
    func narrow() async throws {
        var texts = PagesConfiguration()
        texts.link = "https://app.example/\(String(repeating: "start", count: 40))"
        (texts.linkText, texts.goneText) = (String(repeating: "Donaudampf", count: 20), String(repeating: "schifffahrt", count: 20))
        let pages = VisitorPages(texts)
        let all = [
            pages.waiting(phase: .loading, usually: .seconds(4), refusal: nil),
            pages.page(for: ProxyAnswer(.notFound, String(repeating: "x", count: 200), refusal: nil)),
            pages.page(for: ProxyAnswer(.unauthorized, "Expected bearer token.", refusal: nil)),
            pages.page(for: ProxyAnswer(.gatewayTimeout, "The backend did not respond in time.", refusal: nil)),
        ].map { $0.text.replacing("http-equiv=\"refresh\"", with: "name=\"none\"").replacing("&", with: "&amp;").replacing("\"", with: "&quot;") }
        let frames = [320, 360].flatMap { width in all.map { "<iframe width=\"\(width)\" height=\"600\" style=\"border: 0\" srcdoc=\"\($0)\"></iframe>" } }
        let script = """
            window.onload = () => { document.title = [...document.querySelectorAll('iframe')]
              .map(frame => `${frame.contentDocument.documentElement.scrollWidth}/${frame.width}/${frame.contentDocument.querySelectorAll('h1').length}`).join(' ') }
            """
        let directory = try TemporaryDirectory()
        let file = directory.file("pages.html")
        try "<!doctype html><title>none</title>\(frames.joined())<script>\(script)</script>".write(toFile: file, atomically: true, encoding: .utf8)
        let output = try await Shell.run(
            "/usr/bin/chromium --headless=new --no-sandbox --disable-gpu --user-data-dir='\(directory.file("profile"))' --dump-dom 'file://\(file)' 2>&1")
        let title = try #require(output.firstMatch(of: #/<title>([0-9/ ]+)<\/title>/#), "\(output.suffix(2000))").output.1
        let found = title.split(separator: " ").map { $0.split(separator: "/").compactMap { Int($0) } }
        #expect(found.count == frames.count)
        for measure in found { #expect(measure.count == 3 && measure[0] <= measure[1] && measure[2] == 1, "\(measure)") }
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
