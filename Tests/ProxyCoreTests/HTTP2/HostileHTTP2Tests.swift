import DroneProxyPolicy
import MetricsTestKit
import NIOCore
import PlaneTestSupport
import Testing

@testable import ProxyCore

/// What a stream of HTTP/2 could turn into in HTTP/1.1, sent as no library would send it.
@Suite("Strictness: HTTP/2 of hostile clients")
struct HostileHTTP2Tests {
    private static let ok = "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok"
    private static let post: [(String, String)] = [
        (":method", "POST"), (":scheme", "https"), (":authority", "b-1.plane.test"), (":path", "/first"),
    ]

    private let folder: CertificateFolder
    private let metrics = TestMetrics()

    init() async throws { self.folder = try await CertificateFolder() }

    private func withClient(_ body: (ProxyUnderTest, TLSPeer) async throws -> Void) async throws {
        try self.folder.install(self.folder.first)
        let listener = ProxyListener(.https(self.folder.store(offersHTTP2: true)))
        try await withProxy(listener: listener, metrics: self.metrics) { proxy in
            let client = try await TLSPeer.connect(port: proxy.port, protocols: ["h2"])
            #expect(try await client.negotiatedProtocol == "h2")
            try await client.send(HTTP2Frames.start)
            try await body(proxy, client)
        }
    }

    /// How the proxy ends a stream, or the whole connection: RST_STREAM, an answer 400, GOAWAY.
    private static func isOver(_ bytes: [UInt8]) -> Bool {
        HTTP2Frames.read(bytes).contains { [1, 3, 7].contains($0.kind) }
    }

    struct Trick: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var fields: [(String, String)]

        init(_ name: String, _ fields: [(String, String)]) {
            self.testDescription = name
            self.fields = fields
        }

        /// In place of one of the good request's fields.
        init(_ name: String, replacing field: String, by value: String) {
            self.init(name, HostileHTTP2Tests.post.map { $0.0 == field ? ($0.0, value) : $0 })
        }

        init(_ name: String, adding field: (String, String)) {
            self.init(name, HostileHTTP2Tests.post + [field])
        }
    }

    static let tricks: [Trick] = [
        Trick("H2.TE", adding: ("transfer-encoding", "chunked")),
        Trick("H2.TE behind a capital letter", adding: ("Transfer-Encoding", "chunked")),
        Trick("H2.TE by a line end in a value", adding: ("x", "a\r\ntransfer-encoding: chunked")),
        Trick("H2.TE by a line end in a name", adding: ("x: a\r\ntransfer-encoding", "chunked")),
        Trick("H2.TE by a bare line feed", adding: ("x", "a\ntransfer-encoding: chunked")),
        Trick("a request behind a line end in a value", adding: ("x", "a\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: b-1.plane.test")),
        Trick("a request in the path", replacing: ":path", by: "/ HTTP/1.1\r\nHost: b-1.plane.test\r\n\r\nGET /smuggled"),
        Trick("a space in the path", replacing: ":path", by: "/ HTTP/1.1"),
        Trick("a request in the method", replacing: ":method", by: "GET /smuggled HTTP/1.1\r\nHost: b-1.plane.test\r\n\r\nPOST"),
        Trick("a space in the method", replacing: ":method", by: "GET /smuggled"),
        Trick("a line end in the authority", replacing: ":authority", by: "b-1.plane.test\r\nx: y"),
        Trick("a line end in the scheme", replacing: ":scheme", by: "https\r\nx: y"),
        Trick("another host", adding: ("host", "other.plane.test")),
        Trick("two lengths", post + [("content-length", "1"), ("content-length", "2")]),
        Trick("a length that is no number", adding: ("content-length", "1a")),
        Trick("a field between neighbours", adding: ("connection", "keep-alive")),
        Trick("an upgrade", adding: ("upgrade", "websocket")),
        Trick("a space in a name", adding: ("transfer encoding", "chunked")),
        Trick("a space before the colon", adding: ("content-length ", "1")),
        Trick("a NUL in a value", adding: ("x", "a\0b")),
        Trick("a pseudo field twice", adding: (":path", "/smuggled")),
        Trick("an unknown pseudo field", adding: (":smuggled", "x")),
        Trick("a WebSocket by RFC 8441, which is not offered", adding: (":protocol", "websocket")),
        Trick("CONNECT", [(":method", "CONNECT"), (":authority", "b-1.plane.test")]),
    ]

    @Test("reaches no backend", arguments: Self.tricks)
    func trick(_ trick: Trick) async throws {
        try await self.withClient { proxy, client in
            _ = try proxy.backend("b-1")
            try await client.send(HTTP2Frames.headers(trick.fields, stream: 1, flags: HTTP2Frames.endHeaders))
            let bytes = try await client.bytes("an end of the stream", Self.isOver)
            let answers = HTTP2Frames.read(bytes).filter { $0.kind == HTTP2Frames.Kind.headers.rawValue }
            #expect(!answers.contains { $0.payload.first == 0x88 }, "0x88 is the status 200 (RFC 7541, appendix A)")
        }
        #expect(try self.metrics.expectCounter("proxy_upstream_connections_total").totalValue == 0)
    }

    @Test(
        "H2.CL: bytes behind the length are no request of their own, and a body that is too short is no whole one",
        arguments: ["0", "3", "400"])
    func lengths(length: String) async throws {
        try await self.withClient { proxy, client in
            let backend = try proxy.backend("b-1")
            let seeing = Task {
                let peer = try await backend.accept()
                return try await peer.receiveToEnd()
            }
            let body = Array("abcGET /smuggled HTTP/1.1\r\nHost: b-1.plane.test\r\n\r\n".utf8)
            try await client.send(
                HTTP2Frames.headers(Self.post + [("content-length", length)], stream: 1, flags: HTTP2Frames.endHeaders)
                    + HTTP2Frames.frame(.data, flags: HTTP2Frames.endStream, stream: 1, body))
            _ = try await client.bytes("an end of the stream", Self.isOver)
            try? await client.close()
            // Where nothing at all was sent on, the connection that ends the wait is this one.
            let other = try TestPeer.connect(port: backend.port)
            other.closeOutput()
            let seen = try await seeing.value
            // With 400 they are body, of a request that never was whole.
            if length != "400" { #expect(!seen.contains("smuggled"), "\(seen)") }
        }
    }

    @Test("a client that grants windows without end and reads nothing fills no memory: its backend has to wait")
    func endlessWindow() async throws {
        let largest: UInt32 = 0x7FFF_FFFF
        let get = Self.post.map { $0.0 == ":method" ? ($0.0, "GET") : $0 }
        try await self.withClient { proxy, client in
            let backend = try proxy.backend("b-1")
            // SETTINGS_INITIAL_WINDOW_SIZE, and the connection's window (RFC 9113 §6.9.2).
            try await client.send(
                HTTP2Frames.frame(.settings, stream: 0, [0, 4] + HTTP2Frames.number(largest))
                    + HTTP2Frames.frame(.windowUpdate, stream: 0, HTTP2Frames.number(largest - 65_535))
                    + HTTP2Frames.headers(get, stream: 1, flags: HTTP2Frames.endHeaders | HTTP2Frames.endStream))
            let (_, peer) = try await backend.answerOnce("HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 1000000000\r\n\r\n").value
            try await client.stopReading()
            // The kernels of four sockets hold less; see BackPressureTests.
            #expect(try await peer.sendUntilBlocked([UInt8](repeating: 1, count: 65_536)) < 24 * 1024 * 1024)
        }
    }

    @Test("frames that come while the connection is being closed harm nobody")
    func framesBehindTheEnd() async throws {
        let pinging = Recorder<Task<Void, Never>>()
        try await self.withClient { _, client in
            let task = Task {
                let pings = (0..<50).flatMap { _ in HTTP2Frames.frame(.ping, stream: 0, [UInt8](repeating: 0, count: 8)) }
                while !Task.isCancelled { do { try await client.send(pings) } catch { break } }
            }
            pinging.record(task)
        }
        // The proxy has shut down, under those.
        for task in pinging.all { await task.value }
    }

    @Test("frames of one byte that wait in great number are kept as what they hold, and reach the backend when it comes")
    func smallFrames() async throws {
        try await self.withClient { proxy, client in
            proxy.routes.set("b-1", .starting(token: nil))
            try await client.send(HTTP2Frames.headers(Self.post + [("content-length", "60000")], stream: 1, flags: HTTP2Frames.endHeaders))
            let frames = (0..<1000).flatMap { _ in HTTP2Frames.frame(.data, stream: 1, [0x61]) }
            // Less than the stream's window.
            for _ in 0..<60 { try await client.send(frames) }
            let backend = try proxy.backend("b-1")
            let peer = try await backend.accept()
            let request = try await peer.receive(until: String(repeating: "a", count: 60_000))
            #expect(request.contains("content-length: 60000\r\n"))
        }
    }

    /// What costs the proxy work and the client nothing, again and again.
    struct Flood: CustomTestStringConvertible, Sendable {
        var testDescription: String
        /// Stream 1 is that of a request that waits for its backend, stream 3 one that has been answered.
        var frame: [UInt8]

        init(_ name: String, _ frame: [UInt8]) {
            self.testDescription = name
            self.frame = frame
        }
    }

    static let floods: [Flood] = [
        Flood("WINDOW_UPDATE of the connection", HTTP2Frames.frame(.windowUpdate, stream: 0, HTTP2Frames.number(1))),
        Flood("WINDOW_UPDATE of a stream", HTTP2Frames.frame(.windowUpdate, stream: 1, HTTP2Frames.number(1))),
        Flood("PING", HTTP2Frames.frame(.ping, stream: 0, [0, 0, 0, 0, 0, 0, 0, 0])),
        Flood("SETTINGS", HTTP2Frames.frame(.settings, stream: 0, [0, 4] + HTTP2Frames.number(65_535))),
        Flood("PRIORITY", HTTP2Frames.frame(.priority, stream: 1, HTTP2Frames.number(0) + [15])),
        Flood("PRIORITY of streams that are none", HTTP2Frames.frame(.priority, stream: 9, HTTP2Frames.number(0) + [15])),
        Flood("PRIORITY_UPDATE", HTTP2Frames.frame(.priorityUpdate, stream: 0, HTTP2Frames.number(1) + Array("u=1".utf8))),
        Flood("empty DATA", HTTP2Frames.frame(.data, stream: 1)),
        Flood("DATA that is all padding", HTTP2Frames.frame(.data, flags: HTTP2Frames.padded, stream: 1, [2, 0, 0])),
        Flood("DATA with padding of no length", HTTP2Frames.frame(.data, flags: HTTP2Frames.padded, stream: 1, [0])),
        Flood("heads on a stream that has ended", HTTP2Frames.headers(Self.post, stream: 3, flags: HTTP2Frames.endHeaders)),
        Flood("DATA on a stream that has ended", HTTP2Frames.frame(.data, stream: 3, [0x61])),
        Flood("empty DATA on a stream that has ended", HTTP2Frames.frame(.data, stream: 3)),
        Flood("frames of no known type", HTTP2Frames.frame(.unknown, stream: 0, [1, 2, 3])),
    ]

    @Test("a client that sends frames without end that mean nothing is told to calm down, and shut out", arguments: Self.floods)
    func flood(_ flood: Flood) async throws {
        try await self.withClient { proxy, client in
            proxy.routes.set("b-1", .starting(token: nil))
            try await client.send(
                HTTP2Frames.headers(Self.post, stream: 1, flags: HTTP2Frames.endHeaders)
                    + HTTP2Frames.headers(Self.ask("unknown"), stream: 3, flags: HTTP2Frames.endHeaders | HTTP2Frames.endStream))
            _ = try await client.bytes("an answer") { HTTP2Frames.read($0).contains { $0.stream == 3 && $0.endsStream } }
            try await Self.isShutOut(client, afterSending: flood.frame)
            #expect(try await proxy.asks("unknown").contains("404"))
        }
    }

    private static func ask(_ name: String) -> [(String, String)] {
        [(":method", "GET"), (":scheme", "https"), (":authority", "\(name).plane.test"), (":path", "/")]
    }

    /// - Parameter frame: Sent until the proxy closes the connection, or too often.
    private static func isShutOut(_ client: TLSPeer, afterSending frame: [UInt8]) async throws {
        let frames = Array(repeatElement(frame, count: 500).joined())
        for _ in 0..<20 { try? await client.send(frames) }
        try await Self.isToldToCalmDown(client)
    }

    private static func isToldToCalmDown(_ client: TLSPeer) async throws {
        let bytes = try await client.bytes("GOAWAY") { HTTP2Frames.read($0).contains { $0.lastStream != nil && $0.errorCode != 0 } }
        let goAway = try #require(HTTP2Frames.read(bytes).last { $0.lastStream != nil })
        #expect(goAway.errorCode == 0xB, "ENHANCE_YOUR_CALM")
    }

    @Test("a client that takes responses byte by byte, by an update of a window for each, is told to calm down")
    func driblets() async throws {
        let streams = (0..<90).map { UInt32(2 * $0 + 1) }
        try await self.withClient { proxy, client in
            let backend = try proxy.backend("b-1")
            let answer = "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 5000\r\n\r\n" + String(repeating: "a", count: 5000)
            let answering = streams.map { _ in backend.answerOnce(answer) }
            let requests = streams.flatMap { HTTP2Frames.headers(Self.ask("b-1"), stream: $0, flags: HTTP2Frames.endHeaders | HTTP2Frames.endStream) }
            // SETTINGS_INITIAL_WINDOW_SIZE (RFC 9113 §6.9.2).
            try await client.send(HTTP2Frames.frame(.settings, stream: 0, [0, 4] + HTTP2Frames.number(0)) + requests)
            _ = try await client.bytes("the heads") { HTTP2Frames.read($0).count { $0.kind == HTTP2Frames.Kind.headers.rawValue } == streams.count }
            let updates = streams.flatMap { HTTP2Frames.frame(.windowUpdate, stream: $0, HTTP2Frames.number(1)) }
            // One of each in a turn, or some would be answered together.
            for round in 1...300 {
                do { try await client.send(updates) } catch { break }
                let bytes = try await client.bytes("a byte on each stream") { bytes in
                    let frames = HTTP2Frames.read(bytes)
                    return frames.contains { $0.lastStream != nil } || frames.count { $0.kind == HTTP2Frames.Kind.data.rawValue } >= round * streams.count
                }
                if HTTP2Frames.read(bytes).contains(where: { $0.lastStream != nil }) { break }
            }
            try await Self.isToldToCalmDown(client)
            for task in answering { _ = try await task.value }
        }
    }

    @Test("a client that has been told of the end is told to calm down all the same")
    func floodAfterTheEnd() async throws {
        try await self.withClient { proxy, client in
            proxy.routes.set("b-1", .starting(token: nil))
            try await client.send(HTTP2Frames.headers(Self.post, stream: 1, flags: HTTP2Frames.endHeaders))
            _ = try await client.bytes("the settings") { HTTP2Frames.read($0).count { $0.kind == HTTP2Frames.Kind.settings.rawValue } == 2 }
            await proxy.listener.close()
            async let served: Void = proxy.server.serveOut(within: nil)
            let notice = try await client.bytes("GOAWAY") { HTTP2Frames.read($0).contains { $0.lastStream != nil } }
            for ping in HTTP2Frames.read(notice) where ping.kind == HTTP2Frames.Kind.ping.rawValue {
                try await client.send(HTTP2Frames.frame(.ping, flags: 1, stream: 0, ping.payload))
            }
            _ = try await client.bytes("the last stream") { HTTP2Frames.read($0).compactMap(\.lastStream) == [0x7FFF_FFFF, 1] }
            try await Self.isShutOut(client, afterSending: HTTP2Frames.frame(.ping, stream: 0, [9, 0, 0, 0, 0, 0, 0, 0]))
            try? await client.close()
            await served
        }
    }

    @Test("MadeYouReset: streams that the proxy has to reset, one after the other, end the connection")
    func madeYouReset() async throws {
        try await self.withClient { proxy, client in
            proxy.routes.set("b-1", .starting(token: nil))
            for stream in stride(from: UInt32(1), to: 2001, by: 2) {
                // A window without end is an error of the stream (RFC 9113 §6.9.1).
                try? await client.send(
                    HTTP2Frames.headers(Self.post, stream: stream, flags: HTTP2Frames.endHeaders)
                        + HTTP2Frames.frame(.windowUpdate, stream: stream, HTTP2Frames.number(0x7FFF_FFFF)))
            }
            try await Self.isToldToCalmDown(client)
            #expect(try await proxy.asks("unknown").contains("404"))
        }
    }

    /// What no client of HTTP/2 sends, and by which error the connection ends (RFC 9113 §7).
    static let violations: [(String, [UInt8], UInt8)] = [
        ("a request on stream 0", HTTP2Frames.headers(Self.post, stream: 0, flags: HTTP2Frames.endHeaders), 1),
        ("a request on a stream of the server's", HTTP2Frames.headers(Self.post, stream: 2, flags: HTTP2Frames.endHeaders), 1),
        ("a frame larger than was agreed on", HTTP2Frames.frame(.data, stream: 1, [UInt8](repeating: 0, count: 16_385)), 6),
        ("CONTINUATION of nothing", HTTP2Frames.frame(.continuation, stream: 1, [0]), 1),
        ("another frame amid a head", HTTP2Frames.headers(Self.post, stream: 1, flags: 0) + HTTP2Frames.frame(.ping, stream: 0, [0, 0, 0, 0, 0, 0, 0, 0]), 1),
        ("a window without end", HTTP2Frames.frame(.windowUpdate, stream: 0, HTTP2Frames.number(0x7FFF_FFFF)), 3),
        ("a window that grows by nothing", HTTP2Frames.frame(.windowUpdate, stream: 0, HTTP2Frames.number(0)), 1),
        ("RST_STREAM of a stream that never was", HTTP2Frames.frame(.resetStream, stream: 7, HTTP2Frames.number(8)), 1),
        ("DATA on a stream that never was", HTTP2Frames.frame(.data, stream: 7, [0]), 1),
        ("PUSH_PROMISE", HTTP2Frames.frame(.pushPromise, flags: HTTP2Frames.endHeaders, stream: 1, HTTP2Frames.number(2)), 1),
        ("an acknowledgement of settings that were not sent", HTTP2Frames.frame(.settings, flags: 1, stream: 0), 1),
        ("settings of a length that is none", HTTP2Frames.frame(.settings, stream: 0, [0, 4, 0]), 6),
        ("a field from a table that is empty", HTTP2Frames.frame(.headers, flags: HTTP2Frames.endHeaders, stream: 1, [0xBF]), 9),
        ("a table larger than was agreed on", HTTP2Frames.frame(.headers, flags: HTTP2Frames.endHeaders, stream: 1, [0x3F, 0xFF, 0xFF, 0x03]), 9),
        ("a number that does not end", HTTP2Frames.frame(.headers, flags: HTTP2Frames.endHeaders, stream: 1, [0xFF] + [UInt8](repeating: 0xFF, count: 12)), 9),
        ("a Huffman code that is none", HTTP2Frames.frame(.headers, flags: HTTP2Frames.endHeaders, stream: 1, [0, 1, 0x78, 0x84, 0xFF, 0xFF, 0xFF, 0xFF]), 9),
    ]

    @Test("what breaks the protocol ends the connection with the error that RFC 9113 names", arguments: Self.violations)
    func violation(name: String, bytes: [UInt8], code: UInt8) async throws {
        try await self.withClient { proxy, client in
            // The acknowledgement that is expected comes first.
            try await client.send(HTTP2Frames.frame(.settings, flags: 1, stream: 0) + bytes)
            let seen = try await client.bytes("GOAWAY") { HTTP2Frames.read($0).contains { $0.lastStream != nil } }
            let goAway = HTTP2Frames.read(seen).first { $0.lastStream != nil }
            #expect(goAway?.errorCode == code, "\(name)")
            #expect(try await proxy.asks("unknown").contains("404"))
        }
    }

    @Test("HPACK bomb: a large field that is named again in every byte costs no memory, and is answered")
    func bomb() async throws {
        try await self.withClient { proxy, client in
            _ = try proxy.backend("b-1")
            // With indexing (RFC 7541 §6.2.1), nearly as large as the table; 0xBE names it again.
            let field: [UInt8] = [0x40, 1, 0x78, 0x7F, 0xA1, 0x1E] + [UInt8](repeating: 0x61, count: 4000)
            let block = HTTP2Frames.block(Self.post) + field + [UInt8](repeating: 0xBE, count: 8000)
            try await client.send(HTTP2Frames.frame(.headers, flags: HTTP2Frames.endHeaders | HTTP2Frames.endStream, stream: 1, block))
            let bytes = try await client.bytes("an answer") { HTTP2Frames.read($0).contains { $0.kind == 1 && $0.stream == 1 } }
            #expect(!HTTP2Frames.read(bytes).contains { $0.lastStream != nil })
        }
        #expect(try self.metrics.expectCounter("proxy_upstream_connections_total").totalValue == 0)
    }

    @Test("streams that are reset as soon as they are made end the connection, not the proxy")
    func rapidReset() async throws {
        try await self.withClient { proxy, client in
            _ = try proxy.backend("b-1")
            for stream in stride(from: UInt32(1), to: 2001, by: 2) {
                let headers = HTTP2Frames.headers(Self.post, stream: stream, flags: HTTP2Frames.endHeaders)
                try? await client.send(headers + HTTP2Frames.frame(.resetStream, stream: stream, HTTP2Frames.number(8)))
            }
            try await Self.isToldToCalmDown(client)
            #expect(try await proxy.asks("unknown").contains("404"))
        }
    }

    @Test("a head without end, in ever more frames, ends the connection")
    func continuations() async throws {
        try await self.withClient { proxy, client in
            try? await client.send(HTTP2Frames.headers(Self.post, stream: 1, flags: 0))
            for index in 0..<200 {
                let block = HTTP2Frames.block([("x-\(index)", String(repeating: "a", count: 1000))])
                try? await client.send(HTTP2Frames.frame(.continuation, stream: 1, block))
            }
            try await Self.isToldToCalmDown(client)
            #expect(try await proxy.asks("unknown").contains("404"))
        }
    }
}

extension ProxyUnderTest {
    /// The head of the answer to a request by HTTP/1.1, on a connection of TLS of its own.
    fileprivate func asks(_ name: String) async throws -> String {
        let client = try await TLSPeer.connect(port: self.port)
        try await client.send("GET / HTTP/1.1\r\nHost: \(name).plane.test\r\nConnection: close\r\n\r\n")
        return try await client.receiveToEnd()
    }
}
