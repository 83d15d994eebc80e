import DroneProxyPolicy
import Foundation
import NIOCore
import PlaneTestSupport
import ProxyCore
import Testing

@Suite("HTTP/2: when a connection is asked to end, and when it is closed")
struct HTTP2EndingTests {
    private static func get(_ name: String) -> [(String, String)] {
        [(":method", "GET"), (":scheme", "https"), (":authority", "\(name).plane.test"), (":path", "/")]
    }

    private let folder: CertificateFolder

    init() async throws { self.folder = try await CertificateFolder() }

    private func withHTTP2(_ configure: (inout DroneProxyOptions) -> Void, _ body: (ProxyUnderTest) async throws -> Void) async throws {
        try self.folder.install(self.folder.first)
        try await withProxy(listener: ProxyListener(.https(self.folder.store(offersHTTP2: true))), configure) { try await body($0) }
    }

    private static func hasGoAway(_ bytes: [UInt8]) -> Bool {
        HTTP2Frames.read(bytes).contains { $0.kind == HTTP2Frames.Kind.goAway.rawValue }
    }

    @Sendable private static func hasReset(_ bytes: [UInt8]) -> Bool {
        HTTP2Frames.read(bytes).contains { $0.kind == HTTP2Frames.Kind.resetStream.rawValue }
    }

    @Test("a client whose stream is open is not asked to leave, however silent it is")
    func busyClient() async throws {
        try await self.withHTTP2 { options in
            options.limits.hold = .milliseconds(500)
            options.limits.keepAliveProbe = .milliseconds(50)
            options.limits.keepAliveProbeInterval = .milliseconds(50)
        } _: { proxy in
            let backend = try proxy.backend("b-1")
            proxy.routes.set("b-2", .starting(token: nil))
            let client = try await TLSPeer.connect(port: proxy.port, protocols: ["h2"])
            let flags = HTTP2Frames.endHeaders | HTTP2Frames.endStream
            try await client.send(
                HTTP2Frames.start + HTTP2Frames.headers(Self.get("b-1"), stream: 1, flags: flags)
                    + HTTP2Frames.headers(Self.get("b-2"), stream: 3, flags: flags))
            let peer = try await backend.accept()
            _ = try await peer.receive(until: "\r\n\r\n")
            // The other request waits for its backend for ten times as long as the proxy waits until it asks.
            _ = try await client.bytes("504") { bytes in
                HTTP2Frames.read(bytes).contains { $0.stream == 3 && $0.kind == HTTP2Frames.Kind.data.rawValue }
            }
            try await peer.send("HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok")
            let bytes = try await client.bytes("the response") { HTTP2Frames.read($0).contains { $0.payload == Array("ok".utf8) } }
            #expect(!Self.hasGoAway(bytes))
            #expect(!HTTP2Frames.read(bytes).contains { $0.kind == HTTP2Frames.Kind.ping.rawValue })
            withExtendedLifetime(backend) {}
        }
    }

    @Test(
        "a request whose body is whole is answered without a reset, although END_STREAM comes after the answer; if that never comes the stream is reset",
        arguments: [true, false])
    func lateEnd(comes: Bool) async throws {
        try await self.withHTTP2 {
            $0.limits.linger = comes ? .seconds(600) : .milliseconds(100)
        } _: { proxy in
            let backend = try proxy.backend("b-1")
            let client = try await TLSPeer.connect(port: proxy.port, protocols: ["h2"])
            let upload = [(":method", "POST")] + Self.get("b-1").dropFirst() + [("content-length", "3")]
            try await client.send(
                HTTP2Frames.start + HTTP2Frames.headers(upload, stream: 1, flags: HTTP2Frames.endHeaders)
                    + HTTP2Frames.frame(.data, stream: 1, Array("abc".utf8)))
            let peer = try await backend.accept()
            _ = try await peer.receive(until: "abc")
            try await peer.send("HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok")
            if !comes { return #expect(Self.hasReset(try await client.bytes("the reset", Self.hasReset))) }
            _ = try await client.bytes("the answer") { HTTP2Frames.read($0).contains { $0.payload == Array("ok".utf8) } }
            try await client.send(
                HTTP2Frames.frame(.data, flags: HTTP2Frames.endStream, stream: 1)
                    + HTTP2Frames.headers(Self.get("b-1"), stream: 3, flags: HTTP2Frames.endHeaders | HTTP2Frames.endStream))
            _ = try await peer.receive(until: "\r\n\r\n")
            try await peer.send("HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 5\r\n\r\nagain")
            let bytes = try await client.bytes("the next answer") { HTTP2Frames.read($0).contains { $0.payload == Array("again".utf8) } }
            #expect(!Self.hasReset(bytes))
            withExtendedLifetime(backend) {}
        }
    }

    /// What a backend answers before it has read the request, and how many frames that is on the stream.
    static let earlyAnswers: [(answer: String, frames: [HTTP2Frames.Kind])] = [
        ("HTTP/1.1 413 Too Large\r\nDate: now\r\nContent-Length: 0\r\n\r\n", [.headers]),
        ("HTTP/1.1 303 See Other\r\nDate: now\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", [.headers]),
        ("HTTP/1.1 204 No Content\r\nDate: now\r\n\r\n", [.headers]),
        ("HTTP/1.1 401 Unauthorized\r\nDate: now\r\nContent-Length: 2\r\n\r\nno", [.headers, .data]),
        ("HTTP/1.1 403 Forbidden\r\nDate: now\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\nx-reason: none\r\n\r\n", [.headers, .data, .headers]),
    ]

    @Test(
        "a response that comes before the request's end arrives as a whole, with or without a body or trailers, and then the reset",
        arguments: Self.earlyAnswers, [true, false])
    func earlyAnswer(_ early: (answer: String, frames: [HTTP2Frames.Kind]), tellsLength: Bool) async throws {
        try await self.withHTTP2 { _ in
        } _: { proxy in
            let backend = try proxy.backend("b-1")
            let client = try await TLSPeer.connect(port: proxy.port, protocols: ["h2"])
            let upload = [(":method", "POST")] + Self.get("b-1").dropFirst() + (tellsLength ? [("content-length", "1000000")] : [])
            try await client.send(
                HTTP2Frames.start + HTTP2Frames.headers(upload, stream: 1, flags: HTTP2Frames.endHeaders)
                    + HTTP2Frames.frame(.data, stream: 1, Array("abc".utf8)))
            let peer = try await backend.accept()
            _ = try await peer.receive(until: tellsLength ? "abc" : "abc\r\n")
            try await peer.send(early.answer)
            let frames = HTTP2Frames.read(try await client.bytes("the reset", Self.hasReset)).filter { $0.stream == 1 }
            #expect(frames.map(\.kind) == early.frames.map(\.rawValue) + [HTTP2Frames.Kind.resetStream.rawValue])
            #expect(frames.map(\.endsStream) == early.frames.dropLast().map { _ in false } + [true, false])
            #expect(frames.last?.errorCode == 0, "NO_ERROR")
            withExtendedLifetime(backend) {}
        }
    }

    @Test("curl is told that its upload is too large while it uploads", arguments: ["Content-Length: 0\r\n\r\n", "Content-Length: 2\r\n\r\nno"])
    func earlyAnswerToCurl(rest: String) async throws {
        try await self.withHTTP2 { _ in
        } _: { proxy in
            let backend = try proxy.backend("b-1")
            let answering = Task {
                let peer = try await backend.accept()
                _ = try await peer.receive(count: 16)
                try await peer.send("HTTP/1.1 413 Too Large\r\nDate: now\r\n" + rest)
                return peer
            }
            let body = self.folder.path("body")
            try Data(repeating: 0x61, count: 1_000_000).write(to: URL(filePath: body))
            let output = try await Shell.run(
                "curl -ksS -m 120 --http2 -o /dev/null -w '%{http_code}' --data-binary @\(body) --connect-to '::127.0.0.1:\(proxy.port)' https://b-1.plane.test/"
            )
            #expect(output == "413")
            _ = try await answering.value
        }
    }

    @Test("a connection without streams is closed although its client never says that it has heard")
    func deafClient() async throws {
        try await self.withHTTP2 { options in
            options.limits.keepAlive = .milliseconds(100)
            options.limits.goAway = .milliseconds(100)
        } _: { proxy in
            let client = try await TLSPeer.connect(port: proxy.port, protocols: ["h2"])
            try await client.send(HTTP2Frames.start)
            #expect(Self.hasGoAway(try await client.bytes("the end") { _ in false }))
        }
    }

    /// What a client has said when it falls silent.
    static let silences: [(String, [UInt8])] = [
        ("nothing", []), ("half a preface", Array(HTTP2Frames.start.prefix(10))), ("another preface", Array("GET / HTTP/1.1\r\n\r\n".utf8)),
        ("a preface without settings", Array(HTTP2Frames.start.prefix(24))),
        ("half a head", HTTP2Frames.start + HTTP2Frames.headers(Self.get("b-1"), stream: 1, flags: 0)),
        ("half a frame with a head", HTTP2Frames.start + HTTP2Frames.headers(Self.get("b-1"), stream: 1, flags: 4).prefix(20)),
    ]

    @Test("a client that says nothing after the handshake, or not all, is closed when the time for a head is over", arguments: Self.silences)
    func silent(name: String, said: [UInt8]) async throws {
        try await self.withHTTP2 {
            $0.limits.requestHead = .milliseconds(300)
        } _: { proxy in
            // The time runs from the connection's first moment, so on a busy machine it may be over before the client has said anything: then
            // another one tries.
            let clients = Recorder<TLSPeer>()
            try await eventually("a client has shaken hands and said \(name) in time") {
                guard let client = try? await TLSPeer.connect(port: proxy.port, protocols: ["h2"]) else { return false }
                do { try await client.send(said) } catch { return false }
                clients.record(client)
                return true
            }
            _ = try await clients.all.first?.bytes("the end of a client that said \(name)") { _ in false }
        }
    }

    @Test("an idle connection ends after its time, although its client answers and asks by PING all the while")
    func pinging() async throws {
        try await self.withHTTP2 {
            $0.limits.keepAlive = .milliseconds(600)
        } _: { proxy in
            let client = try await TLSPeer.connect(port: proxy.port, protocols: ["h2"])
            let ping = HTTP2Frames.frame(.ping, stream: 0, Self.question)
            try await client.send(HTTP2Frames.start + ping + ping + ping)
            _ = try await client.bytes("three answers") { Self.answers(in: $0) == 3 }
            let asked = Recorder<Int>()
            // As often as a test looks at something it waits for.
            try await eventually("it is told to leave") {
                try await client.send(ping)
                asked.record(1)
                return Self.hasGoAway(try await client.bytes("anything") { _ in true })
            }
            let bytes = try await client.bytes("an answer to each") { Self.answers(in: $0) == 3 + asked.all.count }
            #expect(HTTP2Frames.read(bytes).contains { $0.lastStream == 0x7FFF_FFFF })
            await Self.answerPings(in: bytes, client)
            let all = try await client.bytes("the end") { _ in false }
            #expect(HTTP2Frames.read(all).compactMap(\.lastStream) == [0x7FFF_FFFF, 0])
        }
    }

    /// What a client asks by PING; the proxy's own begin otherwise.
    private static let question: [UInt8] = [9, 0, 0, 0, 0, 0, 0, 0]

    private static func answers(in bytes: [UInt8]) -> Int {
        HTTP2Frames.read(bytes).count { $0.kind == HTTP2Frames.Kind.ping.rawValue && $0.payload == Self.question }
    }

    /// Those that the proxy has sent by itself.
    private static func answerPings(in bytes: [UInt8], _ client: TLSPeer) async {
        for ping in HTTP2Frames.read(bytes) where ping.kind == HTTP2Frames.Kind.ping.rawValue && ping.payload != Self.question {
            try? await client.send(HTTP2Frames.frame(.ping, flags: 1, stream: 0, ping.payload))
        }
    }

    @Test("a proxy that ends says so first without naming a stream, then names the last, which may have come in between and is served")
    func lastStream() async throws {
        try await self.withHTTP2 { _ in
        } _: { proxy in
            let backend = try proxy.backend("b-1")
            let client = try await TLSPeer.connect(port: proxy.port, protocols: ["h2"])
            let flags = HTTP2Frames.endHeaders | HTTP2Frames.endStream
            try await client.send(HTTP2Frames.start + HTTP2Frames.headers(Self.get("b-1"), stream: 1, flags: flags))
            let first = try await backend.accept()
            _ = try await first.receive(until: "\r\n\r\n")
            await proxy.listener.close()
            async let served: Void = proxy.server.serveOut(within: nil)
            let notice = try await client.bytes("GOAWAY") { Self.hasGoAway($0) }
            #expect(HTTP2Frames.read(notice).compactMap(\.lastStream) == [0x7FFF_FFFF])
            // On its way when the proxy said so.
            try await client.send(HTTP2Frames.headers(Self.get("b-1"), stream: 3, flags: flags))
            let second = try await backend.accept()
            _ = try await second.receive(until: "\r\n\r\n")
            await Self.answerPings(in: notice, client)
            let last = try await client.bytes("the last stream") { HTTP2Frames.read($0).compactMap(\.lastStream).count == 2 }
            #expect(HTTP2Frames.read(last).compactMap(\.lastStream) == [0x7FFF_FFFF, 3])
            // Too late, and told so: the client may send it to the successor.
            try await client.send(HTTP2Frames.headers(Self.get("b-1"), stream: 5, flags: flags))
            for peer in [first, second] { try await peer.send("HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok") }
            let all = try await client.bytes("the end") { _ in false }
            let answered = HTTP2Frames.read(all).filter { $0.payload == Array("ok".utf8) }.map(\.stream)
            #expect(answered.sorted() == [1, 3])
            #expect(!HTTP2Frames.read(all).contains { $0.stream == 5 })
            try? await client.close()
            await served
        }
    }

    @Test("103 comes before the response it announces, also to a request on a stream")
    func earlyHints() async throws {
        try await self.withHTTP2 { _ in
        } _: { proxy in
            let answering = try proxy.backend("b-1").answerOnce(
                "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok")
            let output = try await Shell.run(
                "curl -ksS -m 120 --http2 -i --connect-to '::127.0.0.1:\(proxy.port)' https://b-1.plane.test/")
            _ = try await answering.value
            let lines = output.replacing("\r\n", with: "\n").split(separator: "\n").map(String.init)
            #expect(lines.first == "HTTP/2 103 ")
            #expect(lines.contains("link: </a.css>; rel=preload"))
            #expect(lines.contains("HTTP/2 200 "))
            #expect(lines.last == "ok")
        }
    }
}
