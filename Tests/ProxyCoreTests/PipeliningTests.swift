import DroneProxyPolicy
import NIOCore
import PlaneProtocol
import PlaneTestSupport
import ProxyCore
import Testing

@Suite("Requests sent ahead: answered one after the other, and none is begun before the answers to others are taken", .serialized)
struct PipeliningTests {
    /// What is asked for, in a form that fits many times into one read.
    enum Asked: CaseIterable {
        case withoutName, unknown, missingToken, wrongToken, authentication, redirect, page
        case pageByPath, unknownByPath, missingTokenByPath, authenticationByPath

        var isByPath: Bool { [.pageByPath, .unknownByPath, .missingTokenByPath, .authenticationByPath].contains(self) }
        var isPage: Bool { [.page, .pageByPath].contains(self) }

        var request: String {
            switch self {
            case .withoutName: "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
            case .unknown: "GET / HTTP/1.1\r\nHost: unknown.plane.test\r\n\r\n"
            case .missingToken, .redirect: "GET / HTTP/1.1\r\nHost: closed.plane.test\r\n\r\n"
            case .wrongToken: "GET /_plane_auth?token=wrong HTTP/1.1\r\nHost: closed.plane.test\r\n\r\n"
            case .authentication: "GET /_plane_auth?token=s3cret&redirect=/ HTTP/1.1\r\nHost: closed.plane.test\r\n\r\n"
            case .page: "GET / HTTP/1.1\r\nHost: page.plane.test\r\n\r\n"
            case .pageByPath: "GET /_plane_backend=page/ HTTP/1.1\r\nHost: localhost\r\n\r\n"
            case .unknownByPath: "GET /_plane_backend=unknown/ HTTP/1.1\r\nHost: localhost\r\n\r\n"
            case .missingTokenByPath: "GET /_plane_backend=closed/ HTTP/1.1\r\nHost: localhost\r\n\r\n"
            case .authenticationByPath: "GET /_plane_backend=closed/_plane_auth?token=s3cret&redirect=/ HTTP/1.1\r\nHost: localhost\r\n\r\n"
            }
        }

        var status: Int {
            switch self {
            case .withoutName: 400
            case .unknown, .unknownByPath: 404
            case .missingToken, .missingTokenByPath: 401
            case .wrongToken: 403
            case .authentication, .authenticationByPath: 302
            case .redirect: 308
            case .page, .pageByPath: 200
            }
        }
    }

    /// See ``BackPressureTests``; twice as much is offered.
    private static let bound = 16 * 1024 * 1024
    private static let page = "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 30000\r\n\r\n" + String(repeating: "p", count: 30_000)

    private let folder: CertificateFolder

    init() async throws { self.folder = try await CertificateFolder() }

    private func withProxy(
        _ asked: Asked, throughTLS: Bool, _ configure: (inout DroneProxyOptions) -> Void = { _ in }, _ body: (ProxyUnderTest) async throws -> Void
    ) async throws {
        try self.folder.install(self.folder.first)
        let purpose: ProxyListener.Purpose =
            if throughTLS { .https(self.folder.store()) } else if asked == .redirect { .redirect(httpsPort: 443) } else { .http }
        let options: (inout DroneProxyOptions) -> Void = {
            $0.allowsPathRouting = asked.isByPath
            configure(&$0)
        }
        try await ProxyCoreTests.withProxy(listener: ProxyListener(purpose), options) { proxy in
            _ = try proxy.backend("closed", token: "s3cret")
            let serving = try proxy.backend("page").serve(Self.page)
            defer { serving.cancel() }
            try await body(proxy)
        }
    }

    private static func chunk(_ asked: Asked) -> [UInt8] {
        Array(String(repeating: asked.request, count: 60_000 / asked.request.utf8.count).utf8)
    }

    @Test("a client that reads no answer is soon no longer read itself, and served again when it reads", arguments: Asked.allCases)
    func silent(asked: Asked) async throws {
        try await self.withProxy(asked, throughTLS: false) { proxy in
            let client = try proxy.connect(receiveBuffer: 4096)
            let accepted = try await client.sendUntilBlocked(Self.chunk(asked), limit: 2 * Self.bound)
            #expect(accepted < Self.bound)
            // More than waits anywhere; less where the proxy was away for so long that little was sent. No answer is shorter than 100 bytes.
            let least = accepted / asked.request.utf8.count * 100
            let answers = try await client.receive(count: asked.isPage ? Self.bound : min(5_000_000, least))
            #expect(answers.starts(with: Array("HTTP/1.1 \(asked.status) ".utf8)))
        }
    }

    /// All but the redirect to HTTPS, which is only given without.
    @Test("the same through TLS", arguments: Asked.allCases.filter { $0 != .redirect })
    func silentThroughTLS(asked: Asked) async throws {
        try await self.withProxy(asked, throughTLS: true) { proxy in
            let client = try await TLSPeer.connect(port: proxy.port)
            try await client.stopReading()
            #expect(try await client.sendUntilBlocked(Self.chunk(asked), limit: 2 * Self.bound) < Self.bound)
            // These are the answers that waited.
            let other = try await TLSPeer.connect(port: proxy.port)
            try await other.send(asked.request)
            #expect(try await other.bytes("an answer") { $0.count > 12 }.starts(with: Array("HTTP/1.1 \(asked.status) ".utf8)))
        }
    }

    @Test(
        "a client of HTTP/2 that asks on for the proxy's own answers, on ever new streams, and reads none is sent away, and little waits for it",
        arguments: [Asked.withoutName, .unknown, .missingToken, .wrongToken, .authentication], [20, 500])
    func silentStreams(asked: Asked, atOnce: Int) async throws {
        try self.folder.install(self.folder.first)
        let line = asked.request.split(separator: " ")
        let host = asked.request.split(separator: "Host: ")[1].prefix { $0 != "\r" }
        let fields = [(":method", "GET"), (":scheme", "https"), (":authority", String(host)), (":path", String(line[1]))]
        try await ProxyCoreTests.withProxy(listener: ProxyListener(.https(self.folder.store(offersHTTP2: true)))) { proxy in
            _ = try proxy.backend("closed", token: "s3cret")
            let client = try await TLSPeer.connect(port: proxy.port, protocols: ["h2"])
            // No window holds the answers back (RFC 9113 §6.5.2, §6.9).
            try await client.send(
                HTTP2Frames.start + HTTP2Frames.frame(.settings, stream: 0, [0, 4] + HTTP2Frames.number(0x7FFF_FFFF))
                    + HTTP2Frames.frame(.windowUpdate, stream: 0, HTTP2Frames.number(0x7FFF_0000)))
            _ = try await client.bytes("the acknowledgement") { HTTP2Frames.read($0).count { $0.kind == HTTP2Frames.Kind.settings.rawValue } >= 3 }
            try await client.stopReading()
            let block = HTTP2Frames.block(fields)
            var (stream, taken) = (UInt32(1), 0)
            while taken < 2 * Self.bound {
                var chunk: [UInt8] = []
                for _ in 0..<atOnce {
                    chunk += HTTP2Frames.frame(.headers, flags: HTTP2Frames.endHeaders | HTTP2Frames.endStream, stream: stream, block)
                    stream += 2
                }
                do {
                    guard try await client.sendUntilBlocked(chunk, limit: 1) > 0 else { break }
                } catch { break }
                taken += chunk.count
            }
            // Whatever was taken of it, as by a connection that ends and reads on for a moment, was not answered.
            try? await client.resumeReading()
            let given = try await client.bytes("the end") { _ in false }
            #expect(given.count < 1 << 20)
            let other = try await TLSPeer.connect(port: proxy.port, protocols: ["h2"])
            try await other.send(HTTP2Frames.start + HTTP2Frames.headers(fields, stream: 1, flags: HTTP2Frames.endHeaders | HTTP2Frames.endStream))
            _ = try await other.bytes("others are answered") { HTTP2Frames.read($0).contains { $0.kind == HTTP2Frames.Kind.headers.rawValue } }
        }
    }

    @Test("all are answered, in order, to a client that reads late", arguments: [false, true])
    func order(throughTLS: Bool) async throws {
        let count = 20_000  // some megabytes of answers, more than is kept for a client that does not read
        let requests = (0..<count).map { "GET / HTTP/1.1\r\nHost: x\r\nX-Request-Id: number-\($0)\r\n\r\n" }.joined()
        try await self.withProxy(.withoutName, throughTLS: throughTLS) { proxy in
            let text: String
            if throughTLS {
                let client = try await TLSPeer.connect(port: proxy.port)
                try await client.send(requests)
                text = String(
                    decoding: try await client.bytes("all answers") { $0.suffix(2000).firstRange(of: Array("number-\(count - 1)\r\n".utf8)) != nil },
                    as: UTF8.self)
            } else {
                let client = try proxy.connect(receiveBuffer: 4096)
                async let sent: Void = client.send(requests + "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                text = try await client.receiveToEnd()
                try await sent
            }
            let numbers = text.split(separator: "number-").dropFirst().compactMap { Int($0.prefix { $0.isNumber }) }
            #expect(numbers == Array(0..<count))
        }
    }

    @Test("a client that takes nothing of its answers is given up after the write timeout", arguments: [false, true])
    func givenUp(throughTLS: Bool) async throws {
        try await self.withProxy(.unknown, throughTLS: throughTLS, { $0.limits.writeIdle = .milliseconds(200) }) { proxy in
            let chunk = Self.chunk(.unknown)
            if throughTLS {
                let client = try await TLSPeer.connect(port: proxy.port)
                try await client.stopReading()
                try await eventually("it is told") {
                    do { _ = try await client.sendUntilBlocked(chunk, limit: .max) } catch { return true }
                    return false
                }
            } else {
                let client = try proxy.connect(receiveBuffer: 4096)
                try await eventually("it is told") {
                    do { _ = try await client.sendUntilBlocked(chunk) } catch { return true }
                    return false
                }
            }
        }
    }

    @Test("a client of HTTP/2 that takes nothing is given up as a whole, not only its streams")
    func givenUpWithStreams() async throws {
        try self.folder.install(self.folder.first)
        let listener = ProxyListener(.https(self.folder.store(offersHTTP2: true)))
        try await ProxyCoreTests.withProxy(listener: listener, { $0.limits.writeIdle = .milliseconds(200) }) { proxy in
            let backend = try proxy.backend("b-1")
            let client = try await TLSPeer.connect(port: proxy.port, protocols: ["h2"])
            let get = [(":method", "GET"), (":scheme", "https"), (":authority", "b-1.plane.test"), (":path", "/")]
            // No window holds the response back (RFC 9113 §6.5.2, §6.9): SETTINGS_INITIAL_WINDOW_SIZE, and as much for the connection.
            let window =
                HTTP2Frames.frame(.settings, stream: 0, [0, 4] + HTTP2Frames.number(0x7FFF_FFFF))
                + HTTP2Frames.frame(.windowUpdate, stream: 0, HTTP2Frames.number(0x7FFF_0000))
            try await client.send(HTTP2Frames.start + window)
            _ = try await client.bytes("the acknowledgement") { HTTP2Frames.read($0).count { $0.kind == HTTP2Frames.Kind.settings.rawValue } >= 3 }
            try await client.stopReading()
            try await client.send(HTTP2Frames.headers(get, stream: 1, flags: HTTP2Frames.endHeaders | HTTP2Frames.endStream))
            let (_, peer) = try await backend.answerOnce("HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 1000000000\r\n\r\n").value
            let sending = Task { try? await peer.sendUntilBlocked([UInt8](repeating: 1, count: 65_536)) }
            try await eventually("it is told") {
                do { try await client.send(HTTP2Frames.frame(.ping, stream: 0, [0, 0, 0, 0, 0, 0, 0, 0])) } catch { return true }
                return false
            }
            _ = await sending.value
        }
    }

    @Test("many that fail at once are answered one after the other")
    func failing() async throws {
        let count = 2_000
        // The kernel refuses this address itself, before anything is sent (ip(7), broadcast).
        let nowhere = try SocketAddress(ipAddress: "255.255.255.255", port: 80)
        try await ProxyCoreTests.withProxy({ $0.passthrough = nowhere }) { proxy in
            let client = try proxy.connect()
            let last = "GET / HTTP/1.1\r\nHost: x.plane.test\r\nConnection: close\r\n\r\n"
            try await client.send(String(repeating: "GET / HTTP/1.1\r\nHost: x.plane.test\r\n\r\n", count: count - 1) + last)
            #expect(try await client.receiveToEnd().ranges(of: "HTTP/1.1 502 ").count == count)
        }
    }
}
