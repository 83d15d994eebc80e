import DroneProxyPolicy
import Foundation
import PlaneProtocol
import PlaneTestSupport
import ProxyCoreConfiguration
import ProxyPages
import Testing

@testable import ProxyCore

/// What dev/docs/proxy.md says of every way in: a visitor is let in, refused and told the same by host name and by path, by HTTP/1.1 and by HTTP/2. curl is
/// the client: not ours, so it proves that anyone's works.
@Suite("Every way in", .timeLimit(.minutes(10)))
struct WaysInTests {
    enum Way: CaseIterable {
        case host, path, http2

        func url(_ backend: String) -> String {
            switch self {
            case .host: "http://\(backend).plane.test"
            case .path: "http://localhost/_plane_backend=\(backend)"
            case .http2: "https://\(backend).plane.test"
            }
        }

        var version: String { self == .http2 ? "HTTP/2" : "HTTP/1.1" }
        /// Without TLS curl would ask for another version by an upgrade.
        var option: String { self == .http2 ? "--http2" : "--http1.1" }
    }

    private static let browser = "-H 'Accept: text/html,application/xhtml+xml,*/*;q=0.8'"
    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    private struct Visit {
        let proxy: ProxyUnderTest
        let way: Way

        /// Head and body of the answer; with `-L` of each.
        func ask(_ path: String, of backend: String = "b-1", _ arguments: String = "") async throws -> String {
            try await Shell.run(
                "curl -ksSi -m 120 \(self.way.option) --connect-to '::127.0.0.1:\(self.proxy.port)' \(arguments) '\(self.way.url(backend))\(path)'")
        }
    }

    private func visit(_ way: Way, _ body: (Visit) async throws -> Void) async throws {
        let folder = try await CertificateFolder()
        try folder.install(folder.first)
        let listener = way == .http2 ? ProxyListener(.https(folder.store(offersHTTP2: true))) : ProxyListener(.http)
        try await withProxy(
            listener: listener,
            { options in
                options.allowsPathRouting = true
                var pages = PagesConfiguration()
                pages.waitingAfter = .milliseconds(20)
                pages.link = "https://app.example/"
                options.pages = VisitorPages(pages)
            }
        ) { try await body(Visit(proxy: $0, way: way)) }
    }

    @Test("a browser gets the page of what there is to say, and others a line of text", arguments: Way.allCases)
    func pages(way: Way) async throws {
        try await self.visit(way) { visit in
            let closed = try TestBackend()
            let address = try closed.socketAddress()
            closed.stopListening()
            visit.proxy.routes.set("closed", .ready(address, token: nil))
            visit.proxy.routes.set("guarded", .starting(token: "s3cret"))
            visit.proxy.routes.set("slow", .starting(token: nil, phase: .loading))
            for (backend, status, title) in [
                ("unknown", "404", "This session is not here"), ("guarded", "401", "This session is not open to you"),
                ("slow", "503", "Your session is starting"), ("closed", "502", "The session does not answer"),
            ] {
                let page = try await visit.ask("/", of: backend, Self.browser)
                #expect(page.hasPrefix("\(way.version) \(status)") && page.contains("<h1>\(title)</h1>"), "\(page)")
                #expect(page.lowercased().contains("\ncontent-type: text/html; charset=utf-8\r\n") && page.lowercased().contains("\nvary: accept\r\n"))
                guard backend != "slow" else { continue }
                let text = try await visit.ask("/", of: backend)
                #expect(text.hasPrefix("\(way.version) \(status)") && text.lowercased().contains("\ncontent-type: text/plain"), "\(text)")
            }
            let slow = try await visit.ask("/", of: "slow", Self.browser)
            #expect(slow.contains("http-equiv=\"refresh\"") && slow.lowercased().contains("\nretry-after: 1\r\n"))
        }
    }

    @Test("a page of the backend's own is never replaced", arguments: Way.allCases)
    func own(way: Way) async throws {
        try await self.visit(way) { visit in
            let serving = try visit.proxy.backend("b-1").serve("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 3\r\n\r\nown")
            defer { serving.cancel() }
            let page = try await visit.ask("/", Self.browser)
            #expect(page.hasPrefix("\(way.version) 503") && page.hasSuffix("\r\n\r\nown"), "\(page)")
        }
    }

    @Test("the right token in a header is let in, for pages and event streams, and another is not", arguments: Way.allCases)
    func header(way: Way) async throws {
        try await self.visit(way) { visit in
            let backend = try visit.proxy.backend("b-1", token: "s3cret")
            let serving = [backend.serve(Self.ok), backend.serve(Self.ok)]
            defer { for task in serving { task.cancel() } }
            for accept in ["text/html", "text/event-stream", "*/*"] {
                let answer = try await visit.ask("/", "-H 'Authorization: Bearer s3cret' -H 'Accept: \(accept)'")
                #expect(answer.hasPrefix("\(way.version) 200") && answer.hasSuffix("ok"), "\(accept): \(answer)")
                #expect(try await visit.ask("/", "-H 'Authorization: Bearer wrong' -H 'Accept: \(accept)'").hasPrefix("\(way.version) 403"))
                #expect(try await visit.ask("/", "-H 'Accept: \(accept)'").hasPrefix("\(way.version) 401"))
            }
        }
    }

    @Test("the link lets a browser in, whose cookie is good from then on, there and nowhere else", arguments: Way.allCases)
    func link(way: Way) async throws {
        try await self.visit(way) { visit in
            let backend = try visit.proxy.backend("b-1", token: "s3cret")
            let serving = [backend.serve(Self.ok), backend.serve(Self.ok)]
            defer { for task in serving { task.cancel() } }
            _ = try visit.proxy.backend("b-2", token: "other")
            let folder = try TemporaryDirectory()
            let jar = "-b '\(folder.file("jar"))' -c '\(folder.file("jar"))'"
            let opened = try await visit.ask("/_plane_auth?token=s3cret&redirect=/app", "\(Self.browser) -L \(jar)")
            #expect(opened.hasPrefix("\(way.version) 302") && opened.hasSuffix("ok"), "\(opened)")
            for accept in ["text/html", "text/event-stream"] {
                let later = try await visit.ask("/later", "-H 'Accept: \(accept)' \(jar)")
                #expect(later.hasPrefix("\(way.version) 200") && later.hasSuffix("ok"), "\(later)")
            }
            #expect(try await visit.ask("/", of: "b-2", jar).hasPrefix("\(way.version) 401"))
            let wrong = try await visit.ask("/_plane_auth?token=wrong&redirect=/app", Self.browser)
            #expect(!wrong.lowercased().contains("set-cookie") && !wrong.hasPrefix("\(way.version) 2"), "\(wrong)")
        }
    }

    @Test("a WebSocket is let in with the token in a header, or in the cookie that the link has set, and not without", arguments: [Way.host, .path])
    func webSocket(way: Way) async throws {
        let switched = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello"
        let upgrade =
            "-H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='"
        try await self.visit(way) { visit in
            let backend = try visit.proxy.backend("b-1", token: "s3cret")
            let folder = try TemporaryDirectory()
            let jar = "'\(folder.file("jar"))'"
            _ = try await visit.ask("/_plane_auth?token=s3cret&redirect=/app", "\(Self.browser) -c \(jar)")
            let origin = way == .path ? "http://localhost" : visit.way.url("b-1")
            for right in ["-H 'Authorization: Bearer s3cret'", "-b \(jar) -H 'Origin: \(origin)'"] {
                async let opened = visit.ask("/socket", "\(upgrade) \(right)")
                let (request, peer) = try await backend.answerOnce(switched).value
                peer.close()
                #expect(request.lowercased().contains("upgrade: websocket"), "\(request)")
                let answer = try await opened
                #expect(answer.hasPrefix("HTTP/1.1 101") && answer.hasSuffix("hello"), "\(right): \(answer)")
            }
            #expect(try await visit.ask("/socket", "\(upgrade) -H 'Authorization: Bearer wrong'").hasPrefix("HTTP/1.1 403"))
            #expect(try await visit.ask("/socket", upgrade).hasPrefix("HTTP/1.1 401"))
        }
    }
}
