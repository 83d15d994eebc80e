import DroneProxyPolicy
import NIOCore
import PlaneTestSupport
import ProxyCore
import Testing

/// RFC 9113 and RFC 7541 section by section, as the well-known tool h2spec goes through them. That is a program in Go that no Debian package has; these
/// are the situations it makes, as frames.
@Suite("HTTP/2: conformance")
struct HTTP2ConformanceTests {
    private static let ok = "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok"

    /// RFC 9113 §7.
    private enum Code {
        static let protocolError: UInt8 = 1
        static let flowControl: UInt8 = 3
        static let streamClosed: UInt8 = 5
        static let frameSize: UInt8 = 6
        static let compression: UInt8 = 9
    }

    enum Outcome: Sendable {
        /// GOAWAY with one of these codes, and the end of the connection.
        case connectionError([UInt8])
        /// RST_STREAM of stream 1 with one of these codes, or, since an endpoint may treat any error of a stream so (§5.4.2), GOAWAY.
        case streamError([UInt8])
        /// The request is malformed: an answer that says so, or an error of the stream (§8.1.1). The connection lives.
        case malformed
        /// The response to the request on this stream.
        case served(UInt32)
    }

    struct Situation: CustomTestStringConvertible, Sendable {
        var section: String
        var name: String
        /// Behind the preface and the acknowledgement of the proxy's settings.
        var bytes: [UInt8]
        var outcome: Outcome
        var testDescription: String { "\(self.section): \(self.name)" }

        init(_ section: String, _ name: String, _ outcome: Outcome, _ bytes: [UInt8]...) {
            self.section = section
            self.name = name
            self.bytes = bytes.flatMap { $0 }
            self.outcome = outcome
        }
    }

    // MARK: Parts

    private static let both = HTTP2Frames.endHeaders | HTTP2Frames.endStream
    private static let padded: UInt8 = 8
    private static let withPriority: UInt8 = 32
    private static let get: [(String, String)] = [(":method", "GET"), (":scheme", "https"), (":authority", "b-1.plane.test"), (":path", "/")]
    private static let post = Self.get.map { $0.0 == ":method" ? ($0.0, "POST") : $0 }

    private static func get(_ stream: UInt32) -> [UInt8] { HTTP2Frames.headers(Self.get, stream: stream, flags: Self.both) }

    /// A request whose body is still to come.
    private static func post(_ stream: UInt32) -> [UInt8] { HTTP2Frames.headers(Self.post, stream: stream, flags: HTTP2Frames.endHeaders) }

    private static func malformed(_ section: String, _ name: String, _ fields: [(String, String)]) -> Situation {
        Situation(section, name, .malformed, HTTP2Frames.headers(fields, stream: 1, flags: Self.both))
    }

    private static func replacing(_ field: String, by value: String?) -> [(String, String)] {
        Self.get.compactMap { $0.0 == field ? value.map { (field, $0) } : $0 }
    }

    private static func settings(_ id: UInt8, _ value: UInt32) -> [UInt8] { HTTP2Frames.frame(.settings, stream: 0, [0, id] + HTTP2Frames.number(value)) }

    private static func reset(_ stream: UInt32) -> [UInt8] { HTTP2Frames.frame(.resetStream, stream: stream, HTTP2Frames.number(8)) }

    /// A head whose block is this.
    private static func block(_ bytes: [UInt8]) -> [UInt8] { HTTP2Frames.frame(.headers, flags: Self.both, stream: 1, bytes) }

    private static let half = Array(HTTP2Frames.block(Self.get).prefix(20))
    private static let rest = Array(HTTP2Frames.block(Self.get).dropFirst(20))
    private static let ping = HTTP2Frames.frame(.ping, stream: 0, [1, 2, 3, 4, 5, 6, 7, 8])
    private static let data = HTTP2Frames.frame(.data, flags: HTTP2Frames.endStream, stream: 1, Array("body".utf8))

    // MARK: Situations

    static let framing: [Situation] = [
        Situation("4.1", "a frame of a type that nobody knows is ignored", .served(1), HTTP2Frames.frame(.unknown, stream: 0, [0, 0]), get(1)),
        Situation(
            "4.1", "flags that mean nothing are ignored", .served(1), HTTP2Frames.frame(.ping, flags: 0xF6, stream: 0, [0, 0, 0, 0, 0, 0, 0, 0]), get(1)),
        Situation("4.1", "the reserved bit is ignored", .served(1), HTTP2Frames.headers(get, stream: 0x8000_0001, flags: both)),
        Situation(
            "4.2", "DATA as large as was agreed on is taken", .served(3), post(1), HTTP2Frames.frame(.data, stream: 1, [UInt8](repeating: 0x61, count: 16_384)),
            get(3)),
        Situation(
            "4.2", "DATA that is larger", .streamError([Code.frameSize]), post(1), HTTP2Frames.frame(.data, stream: 1, [UInt8](repeating: 0x61, count: 16_385))),
        Situation(
            "4.2", "HEADERS that are larger", .connectionError([Code.frameSize]),
            HTTP2Frames.frame(.headers, flags: both, stream: 1, [UInt8](repeating: 0, count: 16_385))),
        Situation("4.3", "a block that is none", .connectionError([Code.compression]), block([0x40])),
        Situation(
            "4.3", "PRIORITY amid a block", .connectionError([Code.protocolError]), HTTP2Frames.frame(.headers, stream: 1, half),
            HTTP2Frames.frame(.priority, stream: 1, [0, 0, 0, 0, 15])),
        Situation(
            "4.3", "HEADERS of another stream amid a block", .connectionError([Code.protocolError]), HTTP2Frames.frame(.headers, stream: 1, half), get(3)),
        Situation(
            "5.5", "a frame of a type that nobody knows amid a block", .connectionError([Code.protocolError]), HTTP2Frames.frame(.headers, stream: 1, half),
            HTTP2Frames.frame(.unknown, stream: 1, [0])),
        Situation(
            "7", "GOAWAY with a code that nobody knows is taken", .served(1), get(1), HTTP2Frames.frame(.goAway, stream: 0, [0, 0, 0, 0, 0, 0, 0, 0xFF])),
        Situation(
            "7", "RST_STREAM with a code that nobody knows is taken", .served(3), post(1), HTTP2Frames.frame(.resetStream, stream: 1, [0, 0, 0, 0xFF]), get(3)),
    ]

    static let streams: [Situation] = [
        Situation("5.1", "DATA on an idle stream", .connectionError([Code.protocolError]), data),
        Situation("5.1", "RST_STREAM of an idle stream", .connectionError([Code.protocolError]), reset(1)),
        Situation(
            "5.1", "WINDOW_UPDATE of an idle stream", .connectionError([Code.protocolError]),
            HTTP2Frames.frame(.windowUpdate, stream: 1, HTTP2Frames.number(100))),
        Situation(
            "5.1", "CONTINUATION of an idle stream", .connectionError([Code.protocolError]),
            HTTP2Frames.frame(.continuation, flags: HTTP2Frames.endHeaders, stream: 1, half)),
        Situation("5.1", "DATA behind the end of the request", .streamError([Code.streamClosed]), HTTP2Frames.headers(held, stream: 1, flags: both), data),
        Situation("5.1", "HEADERS behind the end of the request", .streamError([Code.streamClosed]), HTTP2Frames.headers(held, stream: 1, flags: both), get(1)),
        Situation(
            "5.1", "CONTINUATION behind the end of the request", .connectionError([Code.protocolError, Code.streamClosed]), get(1),
            HTTP2Frames.frame(.continuation, flags: HTTP2Frames.endHeaders, stream: 1, half)),
        Situation("5.1", "DATA behind RST_STREAM, which may have been on its way, is ignored", .served(3), post(1), reset(1), data, get(3)),
        Situation("5.1", "HEADERS behind RST_STREAM are ignored, as anything on a closed stream may be", .served(3), post(1), reset(1), get(1), get(3)),
        Situation(
            "5.1", "CONTINUATION behind RST_STREAM", .connectionError([Code.protocolError, Code.streamClosed]), post(1), reset(1),
            HTTP2Frames.frame(.continuation, flags: HTTP2Frames.endHeaders, stream: 1, half)),
        Situation(
            "5.1", "PRIORITY of an idle and of a closed stream is taken", .served(3), HTTP2Frames.frame(.priority, stream: 5, [0, 0, 0, 0, 15]), post(1),
            reset(1), HTTP2Frames.frame(.priority, stream: 1, [0, 0, 0, 0, 15]), get(3)),
        Situation("5.1.1", "a request on a stream with an even number", .connectionError([Code.protocolError]), get(2)),
        Situation(
            "5.1.1", "a request on a stream that was passed over", .connectionError([Code.protocolError]), get(5), get(3)),
        Situation("5.4.1", "an error of the connection is told by GOAWAY", .connectionError([Code.frameSize]), HTTP2Frames.frame(.ping, stream: 0, [0])),
        Situation(
            "8.1", "fields behind a body that do not end the request", .streamError([Code.protocolError]), post(1), HTTP2Frames.frame(.data, stream: 1, [0x61]),
            HTTP2Frames.headers([("x-trailer", "1")], stream: 1, flags: HTTP2Frames.endHeaders)),
    ]

    /// A request whose stream stays open for a while: its backend is starting.
    private static let held: [(String, String)] = [(":method", "GET"), (":scheme", "https"), (":authority", "still.plane.test"), (":path", "/")]

    static let frames: [Situation] = [
        Situation("6.1", "DATA on stream 0", .connectionError([Code.protocolError]), HTTP2Frames.frame(.data, stream: 0, [0])),
        Situation("6.1", "DATA with padding is taken", .served(3), post(1), HTTP2Frames.frame(.data, flags: padded, stream: 1, [2, 0x61, 0, 0]), get(3)),
        Situation(
            "6.1", "DATA with more padding than there is", .connectionError([Code.protocolError]), post(1),
            HTTP2Frames.frame(.data, flags: padded, stream: 1, [9, 0x61])),
        Situation("6.2", "HEADERS on stream 0", .connectionError([Code.protocolError]), get(0)),
        Situation(
            "6.2", "HEADERS with padding and a priority are taken", .served(1),
            HTTP2Frames.frame(.headers, flags: both | padded | withPriority, stream: 1, [2, 0, 0, 0, 0, 15] + HTTP2Frames.block(get) + [0, 0])),
        Situation(
            "6.2", "HEADERS with more padding than there is", .connectionError([Code.protocolError]),
            HTTP2Frames.frame(.headers, flags: both | padded, stream: 1, [200] + HTTP2Frames.block(get))),
        Situation("6.3", "PRIORITY of stream 0", .connectionError([Code.protocolError]), HTTP2Frames.frame(.priority, stream: 0, [0, 0, 0, 0, 15])),
        Situation("6.3", "PRIORITY of a length that is none", .streamError([Code.frameSize]), post(1), HTTP2Frames.frame(.priority, stream: 1, [0, 0, 0, 0])),
        Situation("6.4", "RST_STREAM of stream 0", .connectionError([Code.protocolError]), reset(0)),
        Situation(
            "6.4", "RST_STREAM of a length that is none", .connectionError([Code.frameSize]), post(1), HTTP2Frames.frame(.resetStream, stream: 1, [0, 0, 0])),
        Situation(
            "6.5", "an acknowledgement of settings that says more", .connectionError([Code.frameSize]),
            HTTP2Frames.frame(.settings, flags: 1, stream: 0, [0, 1, 0, 0, 0, 0])),
        Situation("6.5", "SETTINGS of a stream", .connectionError([Code.protocolError]), HTTP2Frames.frame(.settings, stream: 1, [0, 3, 0, 0, 0, 100])),
        Situation("6.5", "SETTINGS of a length that is none", .connectionError([Code.frameSize]), HTTP2Frames.frame(.settings, stream: 0, [0, 3, 0])),
        Situation("6.5.2", "SETTINGS_ENABLE_PUSH of 2", .connectionError([Code.protocolError]), settings(2, 2)),
        Situation("6.5.2", "SETTINGS_INITIAL_WINDOW_SIZE above the largest window", .connectionError([Code.flowControl]), settings(4, 0x8000_0000)),
        Situation("6.5.2", "SETTINGS_MAX_FRAME_SIZE below the smallest", .connectionError([Code.protocolError]), settings(5, 16_383)),
        Situation("6.5.2", "SETTINGS_MAX_FRAME_SIZE above the largest", .connectionError([Code.protocolError]), settings(5, 16_777_216)),
        Situation("6.5.2", "a setting that nobody knows is ignored", .served(1), settings(0xFF, 1), get(1)),
        Situation("6.7", "PING of a stream", .connectionError([Code.protocolError]), HTTP2Frames.frame(.ping, stream: 1, [0, 0, 0, 0, 0, 0, 0, 0])),
        Situation("6.7", "PING of a length that is none", .connectionError([Code.frameSize]), HTTP2Frames.frame(.ping, stream: 0, [0, 0, 0, 0])),
        Situation(
            "6.7", "an answer to a PING that nobody sent is ignored", .served(1), HTTP2Frames.frame(.ping, flags: 1, stream: 0, [0, 0, 0, 0, 0, 0, 0, 0]),
            get(1)),
        Situation("6.8", "GOAWAY of a stream", .connectionError([Code.protocolError]), HTTP2Frames.frame(.goAway, stream: 1, [0, 0, 0, 0, 0, 0, 0, 0])),
        Situation(
            "6.9", "WINDOW_UPDATE of the connection by nothing", .connectionError([Code.protocolError]),
            HTTP2Frames.frame(.windowUpdate, stream: 0, HTTP2Frames.number(0))),
        Situation(
            "6.9", "WINDOW_UPDATE of a stream by nothing", .streamError([Code.protocolError]), post(1),
            HTTP2Frames.frame(.windowUpdate, stream: 1, HTTP2Frames.number(0))),
        Situation("6.9", "WINDOW_UPDATE of a length that is none", .connectionError([Code.frameSize]), HTTP2Frames.frame(.windowUpdate, stream: 0, [0, 0, 1])),
        Situation(
            "6.9.1", "a connection's window above the largest", .connectionError([Code.flowControl]),
            HTTP2Frames.frame(.windowUpdate, stream: 0, HTTP2Frames.number(0x7FFF_FFFF))),
        Situation(
            "6.9.1", "a stream's window above the largest", .streamError([Code.flowControl]), post(1),
            HTTP2Frames.frame(.windowUpdate, stream: 1, HTTP2Frames.number(0x7FFF_FFFF))),
        Situation(
            "6.10", "a head in three frames is taken", .served(1), HTTP2Frames.frame(.headers, flags: HTTP2Frames.endStream, stream: 1, half),
            HTTP2Frames.frame(.continuation, stream: 1, []), HTTP2Frames.frame(.continuation, flags: HTTP2Frames.endHeaders, stream: 1, rest)),
        Situation(
            "6.10", "CONTINUATION of stream 0", .connectionError([Code.protocolError]), HTTP2Frames.frame(.headers, stream: 1, half),
            HTTP2Frames.frame(.continuation, flags: HTTP2Frames.endHeaders, stream: 0, rest)),
        Situation(
            "6.10", "another frame than CONTINUATION amid a block", .connectionError([Code.protocolError]), HTTP2Frames.frame(.headers, stream: 1, half), data),
        Situation(
            "6.10", "CONTINUATION behind a whole head", .connectionError([Code.protocolError]), post(1),
            HTTP2Frames.frame(.continuation, flags: HTTP2Frames.endHeaders, stream: 1, rest)),
        Situation(
            "6.10", "CONTINUATION behind DATA", .connectionError([Code.protocolError]), post(1), HTTP2Frames.frame(.data, stream: 1, [0x61]),
            HTTP2Frames.frame(.continuation, flags: HTTP2Frames.endHeaders, stream: 1, rest)),
        Situation(
            "8.4", "PUSH_PROMISE", .connectionError([Code.protocolError]), post(1),
            HTTP2Frames.frame(.pushPromise, flags: HTTP2Frames.endHeaders, stream: 1, HTTP2Frames.number(2) + HTTP2Frames.block(get))),
    ]

    static let messages: [Situation] = [
        malformed("8.2.1", "a capital letter in a name", get + [("X-Test", "ok")]),
        malformed("8.2.2", "a field between neighbours", get + [("connection", "keep-alive")]),
        malformed("8.2.2", "TE that is not trailers", get + [("te", "trailers, deflate")]),
        malformed("8.3", "a pseudo field that nobody knows", get + [(":test", "ok")]),
        malformed("8.3", "a pseudo field of a response", get + [(":status", "200")]),
        malformed("8.3", "a pseudo field behind another field", [("x-test", "ok")] + get),
        malformed("8.3.1", "an empty path", replacing(":path", by: "")),
        malformed("8.3.1", "no method", replacing(":method", by: nil)),
        malformed("8.3.1", "no scheme", replacing(":scheme", by: nil)),
        malformed("8.3.1", "no path", replacing(":path", by: nil)),
        malformed("8.3.1", "two methods", [(":method", "GET")] + get),
        malformed("8.3.1", "two schemes", [(":scheme", "https")] + get),
        malformed("8.3.1", "two paths", [(":path", "/")] + get),
        Situation(
            "8.1.1", "a length that is not the body's", .malformed,
            HTTP2Frames.headers(post + [("content-length", "1")], stream: 1, flags: HTTP2Frames.endHeaders), data),
        Situation(
            "8.1.1", "a length that is not that of two parts", .malformed,
            HTTP2Frames.headers(post + [("content-length", "1")], stream: 1, flags: HTTP2Frames.endHeaders), HTTP2Frames.frame(.data, stream: 1, [0x61]), data),
        Situation(
            "8.1", "a pseudo field behind the body", .malformed, post(1), HTTP2Frames.frame(.data, stream: 1, [0x61]),
            HTTP2Frames.headers([(":method", "GET")], stream: 1, flags: both)),
    ]

    static let compression: [Situation] = [
        Situation("RFC 7541 2.3.3", "an index beyond the tables", .connectionError([Code.compression]), block(HTTP2Frames.block(get) + [0xC6])),
        Situation("RFC 7541 2.3.3", "a name beyond the tables", .connectionError([Code.compression]), block(HTTP2Frames.block(get) + [0x7F, 0x07, 1, 0x61])),
        Situation("RFC 7541 4.2", "a change of the table's size behind a field", .connectionError([Code.compression]), block(HTTP2Frames.block(get) + [0x20])),
        Situation(
            "RFC 7541 5.2", "Huffman padding of more than seven bits", .connectionError([Code.compression]),
            block(HTTP2Frames.block(get) + [0, 1, 0x78, 0x82, 0x1F, 0xFF])),
        Situation("RFC 7541 5.2", "Huffman padding of zeros", .connectionError([Code.compression]), block(HTTP2Frames.block(get) + [0, 1, 0x78, 0x81, 0x18])),
        Situation(
            "RFC 7541 5.2", "the end of a Huffman string in it", .connectionError([Code.compression]),
            block(HTTP2Frames.block(get) + [0, 1, 0x78, 0x84, 0xFF, 0xFF, 0xFF, 0xFC])),
        Situation("RFC 7541 6.1", "index 0", .connectionError([Code.compression]), block(HTTP2Frames.block(get) + [0x80])),
        Situation(
            "RFC 7541 6.3", "a table larger than was agreed on", .connectionError([Code.compression]), block([0x3F, 0xE2, 0x1F] + HTTP2Frames.block(get))),
        Situation("RFC 7541 6.2.3", "a field that is never to be indexed is taken", .served(1), block(HTTP2Frames.block(get) + [0x10, 1, 0x78, 1, 0x79])),
        Situation("RFC 7541 6.2.1", "a field that is indexed is taken", .served(1), block(HTTP2Frames.block(get) + [0x40, 1, 0x78, 1, 0x79, 0xBE])),
    ]

    // MARK: Tests

    private let folder: CertificateFolder

    init() async throws { self.folder = try await CertificateFolder() }

    private func withClient(_ body: (ProxyUnderTest, TLSPeer) async throws -> Void) async throws {
        try self.folder.install(self.folder.first)
        try await withProxy(listener: ProxyListener(.https(self.folder.store(offersHTTP2: true)))) { proxy in
            proxy.routes.set("still", .starting(token: nil))
            try await body(proxy, try await TLSPeer.connect(port: proxy.port, protocols: ["h2"]))
        }
    }

    @Test("keeps to the specification", arguments: Self.framing + Self.streams + Self.frames + Self.messages + Self.compression)
    func situation(_ situation: Situation) async throws {
        try await self.withClient { proxy, client in
            let backend = try proxy.backend("b-1")
            // A request whose body never ends has one connection, and the request behind it another.
            let serving = (0..<2).map { _ in backend.serve(Self.ok) }
            try? await client.send(HTTP2Frames.start + HTTP2Frames.frame(.settings, flags: 1, stream: 0) + situation.bytes)
            let seen = try await client.bytes("\(situation.outcome)") { Self.isDecided($0, for: situation.outcome) }
            self.judge(HTTP2Frames.read(seen), situation)
            if case .connectionError = situation.outcome { _ = try await client.bytes("the end") { _ in false } }
            try? await client.close()
            for task in serving { task.cancel() }
            backend.stopListening()
        }
    }

    private static func isDecided(_ bytes: [UInt8], for outcome: Outcome) -> Bool {
        HTTP2Frames.read(bytes).contains { frame in
            if frame.lastStream != nil { return true }
            return switch outcome {
            case .connectionError: false
            case .streamError: frame.stream == 1 && frame.kind == HTTP2Frames.Kind.resetStream.rawValue
            case .malformed: frame.stream == 1 && [HTTP2Frames.Kind.resetStream, .headers].map(\.rawValue).contains(frame.kind)
            case .served(let stream): frame.stream == stream && frame.payload == Array("ok".utf8)
            }
        }
    }

    private func judge(_ frames: [HTTP2Frames.Seen], _ situation: Situation) {
        let goAway = frames.first { $0.lastStream != nil }
        let reset = frames.first { $0.stream == 1 && $0.kind == HTTP2Frames.Kind.resetStream.rawValue }
        switch situation.outcome {
        case .connectionError(let codes): #expect(goAway?.errorCode.map(codes.contains) == true, "\(frames)")
        case .streamError(let codes): #expect((reset ?? goAway)?.errorCode.map(codes.contains) == true, "\(frames)")
        case .malformed:
            let head = frames.first { $0.stream == 1 && $0.kind == HTTP2Frames.Kind.headers.rawValue }
            #expect(goAway == nil, "\(frames)")
            if let reset { #expect(reset.errorCode == Code.protocolError, "\(frames)") }
            // 0x8C is the status 400 (RFC 7541, appendix A).
            if let head { #expect(head.payload.first == 0x8C, "\(frames)") }
        case .served: #expect(goAway == nil, "\(frames)")
        }
    }

    @Test("6.5.3 and 6.7: settings are acknowledged, and a PING comes back with what it said")
    func answers() async throws {
        try await self.withClient { _, client in
            try await client.send(HTTP2Frames.start + Self.ping)
            let seen = try await client.bytes("both") { HTTP2Frames.read($0).contains { $0.kind == HTTP2Frames.Kind.ping.rawValue } }
            #expect(HTTP2Frames.read(seen).contains { $0.kind == HTTP2Frames.Kind.ping.rawValue && $0.payload == [1, 2, 3, 4, 5, 6, 7, 8] })
            #expect(HTTP2Frames.read(seen).contains { $0.kind == HTTP2Frames.Kind.settings.rawValue && $0.payload.isEmpty })
        }
    }

    @Test("6.9.1 and 6.9.2: no more is sent than the windows allow, which settings may change for streams that are open, and close")
    func windows() async throws {
        try await self.withClient { proxy, client in
            let serving = try proxy.backend("b-1").serve("HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 10\r\n\r\n0123456789")
            try await client.send(HTTP2Frames.start + Self.settings(4, 3) + Self.get(1))
            let first = try await client.bytes("three bytes") { Self.body($0) == "012" }
            #expect(Self.body(first) == "012")
            // Minus two: the first two bytes that are granted next pay for that.
            try await client.send(Self.settings(4, 1) + HTTP2Frames.frame(.windowUpdate, stream: 1, HTTP2Frames.number(4)))
            let second = try await client.bytes("two more") { Self.body($0).count >= 5 }
            #expect(Self.body(second) == "01234")
            try await client.send(Self.settings(4, 100))
            let all = try await client.bytes("all") { Self.body($0).count == 10 }
            #expect(Self.body(all) == "0123456789")
            serving.cancel()
        }
    }

    private static func body(_ bytes: [UInt8]) -> String {
        String(decoding: HTTP2Frames.read(bytes).filter { $0.kind == 0 && $0.stream == 1 }.flatMap(\.payload), as: UTF8.self)
    }

    @Test(
        "3.4: a client that does not begin with the preface is closed", arguments: ["INVALID CONNECTION PREFACE\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"])
    func preface(_ text: String) async throws {
        try await self.withClient { _, client in
            try await client.send(text)
            _ = try await client.bytes("the end") { _ in false }
        }
    }
}
