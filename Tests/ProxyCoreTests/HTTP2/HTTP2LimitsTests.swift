import DroneProxyPolicy
import NIOCore
import PlaneTestSupport
import ProxyCore
import Testing

@Suite("HTTP/2: limits answer where they should")
struct HTTP2LimitsTests {
    private static let ok = "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok"

    private static func fields(_ name: String, method: String = "GET") -> [(String, String)] {
        [(":method", method), (":scheme", "https"), (":authority", "\(name).plane.test"), (":path", "/")]
    }

    private let folder: CertificateFolder

    init() async throws { self.folder = try await CertificateFolder() }

    private func withHTTP2(_ configure: (inout DroneProxyOptions) -> Void = { _ in }, _ body: (ProxyUnderTest) async throws -> Void) async throws {
        try self.folder.install(self.folder.first)
        try await withProxy(listener: ProxyListener(.https(self.folder.store(offersHTTP2: true))), configure) { try await body($0) }
    }

    @Test(
        "a head that is too large is answered 431 on its stream, and the next request on the connection is served",
        arguments: [
            ("250 cookies of 100 bytes", (0..<250).map { "cookie: n\($0)=" + String(repeating: "v", count: 94) }),
            ("150 cookies of 200 bytes", (0..<150).map { "cookie: n\($0)=" + String(repeating: "v", count: 194) }),
            ("a field of 40 000 bytes", ["x: " + String(repeating: "a", count: 40_000)]),
            ("200 fields", (0..<200).map { "x-\($0): a" }),
        ])
    func head(name: String, fields: [String]) async throws {
        try await self.withHTTP2 { proxy in
            let answering = try proxy.backend("b-1").answerOnce(Self.ok)
            let url = "--http2 -ksS --connect-to '::127.0.0.1:\(proxy.port)' -w '|%{http_code}|%{num_connects}|' -o /dev/null https://b-1.plane.test/"
            let large = fields.map { "-H '\($0)'" }.joined(separator: " ")
            let output = try await Shell.run("curl -m 120 \(url) \(large) --next -m 120 \(url)")
            #expect(output == "|431|1||200|0|")
            _ = try await answering.value
        }
    }

    @Test(
        "a head of many frames is answered 431 on its stream, and the others live",
        arguments: [
            ("45 cookies of 4 000 bytes", (0..<45).map { ("cookie", "n\($0)=" + String(repeating: "v", count: 3996)) }),
            ("180 cookies of 4 096 bytes", (0..<180).map { ("cookie", "n\($0)=" + String(repeating: "v", count: 4091)) }),
            ("17 fields of 60 000 bytes", (0..<17).map { ("x-\($0)", String(repeating: "a", count: 60_000)) }),
        ])
    func longHead(name: String, fields: [(String, String)]) async throws {
        try await self.withHTTP2 { proxy in
            let backend = try proxy.backend("b-1")
            let client = try await TLSPeer.connect(port: proxy.port, protocols: ["h2"])
            let flags = HTTP2Frames.endStream
            try await client.send(HTTP2Frames.start + HTTP2Frames.longHeaders(Self.fields("b-1"), stream: 1, flags: flags))
            let peer = try await backend.accept()
            _ = try await peer.receive(until: "\r\n\r\n")
            try await client.send(HTTP2Frames.longHeaders(Self.fields("b-1") + fields, stream: 3, flags: flags))
            let refused = try await client.bytes("an answer") { HTTP2Frames.read($0).contains { $0.stream == 3 && $0.endsStream } }
            let head = try #require(HTTP2Frames.read(refused).first { $0.stream == 3 })
            // Huffman's code would be as long, so it is not used.
            #expect(head.kind == HTTP2Frames.Kind.headers.rawValue && String(decoding: head.payload, as: UTF8.self).contains("431"))
            try await peer.send(Self.ok)
            let bytes = try await client.bytes("the other answer") { HTTP2Frames.read($0).contains { $0.stream == 1 && $0.payload == Array("ok".utf8) } }
            #expect(!HTTP2Frames.read(bytes).contains { $0.lastStream != nil })
            withExtendedLifetime(backend) {}
        }
    }

    @Test("a field that is larger than the codec takes ends the connection, which is told why: COMPRESSION_ERROR")
    func hugeField() async throws {
        try await self.withHTTP2 { proxy in
            let client = try await TLSPeer.connect(port: proxy.port, protocols: ["h2"])
            let fields = Self.fields("b-1") + [("x", String(repeating: "a", count: 70_000))]
            try await client.send(HTTP2Frames.start + HTTP2Frames.longHeaders(fields, stream: 1, flags: HTTP2Frames.endStream))
            let bytes = try await client.bytes("GOAWAY") { HTTP2Frames.read($0).contains { $0.lastStream != nil } }
            let goAway = try #require(HTTP2Frames.read(bytes).first { $0.lastStream != nil })
            #expect(goAway.errorCode == 9)
        }
    }

    @Test("cookies that came as 200 fields reach the backend as one")
    func crumbs() async throws {
        try await self.withHTTP2 { proxy in
            let answering = try proxy.backend("b-1").answerOnce(Self.ok)
            let client = try await TLSPeer.connect(port: proxy.port, protocols: ["h2"])
            let cookies = (0..<200).map { ("cookie", "n\($0)=v") }
            try await client.send(
                HTTP2Frames.start
                    + HTTP2Frames.headers(Self.fields("b-1") + cookies, stream: 1, flags: HTTP2Frames.endHeaders | HTTP2Frames.endStream))
            let request = try await answering.value.request
            #expect(request.contains("\r\ncookie: " + cookies.map(\.1).joined(separator: "; ") + "\r\n"))
        }
    }

    @Test("the stream above the limit is refused by itself; the others live, and another may come when one has ended")
    func streams() async throws {
        try await self.withHTTP2 { proxy in
            proxy.routes.set("b-1", .starting(token: nil))
            let client = try await TLSPeer.connect(port: proxy.port, protocols: ["h2"])
            let flags = HTTP2Frames.endHeaders | HTTP2Frames.endStream
            let requests = (0...100).flatMap { HTTP2Frames.headers(Self.fields("b-1"), stream: UInt32(2 * $0 + 1), flags: flags) }
            try await client.send(HTTP2Frames.start)
            // What the limit is, the client has been told, and has said that it knows.
            let settings = try await client.bytes("SETTINGS") { HTTP2Frames.read($0).contains { $0.kind == HTTP2Frames.Kind.settings.rawValue } }
            let limit: [UInt8] = [0, 3, 0, 0, 0, 100]
            #expect(HTTP2Frames.read(settings).contains { $0.payload.suffix(6).elementsEqual(limit) })
            try await client.send(HTTP2Frames.frame(.settings, flags: 1, stream: 0) + requests)
            let bytes = try await client.bytes("RST_STREAM") { HTTP2Frames.read($0).contains { $0.kind == HTTP2Frames.Kind.resetStream.rawValue } }
            let resets = HTTP2Frames.read(bytes).filter { $0.kind == HTTP2Frames.Kind.resetStream.rawValue }
            #expect(resets.map(\.stream) == [201])
            #expect(resets.map(\.errorCode) == [7], "REFUSED_STREAM")
            try await client.send(
                HTTP2Frames.frame(.resetStream, stream: 1, HTTP2Frames.number(8)) + HTTP2Frames.headers(Self.fields("b-1"), stream: 203, flags: flags))
            let backend = try proxy.backend("b-1")
            let serving = (0..<100).map { _ in backend.answerOnce(Self.ok) }
            let all = try await client.bytes("100 responses") { HTTP2Frames.read($0).count { $0.payload == Array("ok".utf8) } == 100 }
            let answered = Set(HTTP2Frames.read(all).filter { $0.payload == Array("ok".utf8) }.map(\.stream))
            let expected: [UInt32] = (1..<100).map { UInt32(2 * $0 + 1) } + [203]
            #expect(answered == Set(expected))
            #expect(!HTTP2Frames.read(all).contains { $0.lastStream != nil })
            for task in serving { _ = try await task.value }
        }
    }

    @Test("an upload that stands still holds back neither its connection nor the other uploads")
    func stalledUpload() async throws {
        let size = 60_000
        try await self.withHTTP2 { proxy in
            proxy.routes.set("still", .starting(token: nil))
            let backend = try proxy.backend("b-1")
            let client = try await TLSPeer.connect(port: proxy.port, protocols: ["h2"])
            let chunks = { (stream: UInt32) in
                stride(from: 0, to: size, by: 12_000).flatMap { _ in HTTP2Frames.frame(.data, stream: stream, [UInt8](repeating: 0x61, count: 12_000)) }
            }
            try await client.send(
                HTTP2Frames.start + HTTP2Frames.headers(Self.fields("still", method: "POST"), stream: 1, flags: HTTP2Frames.endHeaders) + chunks(1))
            _ = try await client.bytes("the connection's window back") { Self.windowGiven(to: 0, in: $0) > size - 65_535 / 8 }
            let fields = Self.fields("b-1", method: "POST") + [("content-length", "30000")]
            try await client.send(
                HTTP2Frames.headers(fields, stream: 3, flags: HTTP2Frames.endHeaders)
                    + HTTP2Frames.frame(.data, stream: 3, [UInt8](repeating: 0x62, count: 15_000))
                    + HTTP2Frames.frame(.data, flags: HTTP2Frames.endStream, stream: 3, [UInt8](repeating: 0x62, count: 15_000)))
            let peer = try await backend.accept()
            _ = try await peer.receive(until: String(repeating: "b", count: 30_000))
            let all = HTTP2Frames.read(try await client.bytes("all") { _ in true })
            #expect(!all.contains { $0.stream == 1 && $0.kind == HTTP2Frames.Kind.windowUpdate.rawValue }, "its own window stays closed")
        }
    }

    @Test(
        "a stream that ends while its upload is paused leaves the connection's window whole and the next upload unpaused: reset by the client, or answered early",
        arguments: [true, false])
    func pausedUploadEnds(isReset: Bool) async throws {
        let (size, window) = (50_000, 65_535)
        try await self.withHTTP2({
            $0.limits.linger = .milliseconds(100)
        }) { proxy in
            // What waits for a backend that starts is paused: nobody takes it.
            proxy.routes.set("slow", .starting(token: nil))
            let backend = try proxy.backend("b-1")
            let client = try await TLSPeer.connect(port: proxy.port, protocols: ["h2"])
            func upload(_ name: String, _ stream: UInt32, flags: UInt8) -> [UInt8] {
                let fields = Self.fields(name, method: "POST") + [("content-length", "\(size)")]
                let chunks = (1...5).flatMap {
                    HTTP2Frames.frame(.data, flags: $0 == 5 ? flags : 0, stream: stream, [UInt8](repeating: 0x61, count: size / 5))
                }
                return HTTP2Frames.headers(fields, stream: stream, flags: HTTP2Frames.endHeaders) + chunks
            }
            try await client.send(HTTP2Frames.start + upload("slow", 1, flags: 0))
            _ = try await client.bytes("the connection's window back") { Self.windowGiven(to: 0, in: $0) > size - window / 8 }
            if isReset {
                try await client.send(HTTP2Frames.frame(.resetStream, stream: 1, HTTP2Frames.number(8)))
            } else {
                // The backend is gone before it was there: the request is answered without having been read.
                proxy.routes.set("slow", .none)
                _ = try await client.bytes("an answer") { HTTP2Frames.read($0).contains { $0.stream == 1 && $0.kind == HTTP2Frames.Kind.headers.rawValue } }
            }
            for round in 0..<3 {
                try await client.send(upload("b-1", UInt32(3 + 2 * round), flags: HTTP2Frames.endStream))
                let peer = try await backend.accept()
                _ = try await peer.receive(until: String(repeating: "a", count: size))
                try await peer.send("HTTP/1.1 200 OK\r\nDate: now\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
                _ = try await client.bytes("answer \(round)") { HTTP2Frames.read($0).count { $0.payload == Array("ok".utf8) } == round + 1 }
                // Of all uploads so far, but for what is not worth telling.
                _ = try await client.bytes("the connection's window back") { Self.windowGiven(to: 0, in: $0) > (round + 2) * size - window / 8 }
            }
        }
    }

    @Test("what a backend has taken of an upload is given back to both windows, but for an eighth of them")
    func givenBack() async throws {
        let (size, window) = (60_000, 65_535)
        try await self.withHTTP2 { proxy in
            let backend = try proxy.backend("b-1")
            let client = try await TLSPeer.connect(port: proxy.port, protocols: ["h2"])
            let fields = Self.fields("b-1", method: "POST") + [("content-length", "1000000")]
            try await client.send(
                HTTP2Frames.start + HTTP2Frames.headers(fields, stream: 1, flags: HTTP2Frames.endHeaders)
                    + stride(from: 0, to: size, by: 1000).flatMap { _ in HTTP2Frames.frame(.data, stream: 1, [UInt8](repeating: 0x61, count: 1000)) })
            let peer = try await backend.accept()
            _ = try await peer.receive(until: String(repeating: "a", count: size))
            for stream in [0, 1] as [UInt32] {
                _ = try await client.bytes("the window of \(stream)") { Self.windowGiven(to: stream, in: $0) > size - window / 8 }
            }
        }
    }

    @Test("what comes on a stream after its early answer, and padding, are given back to the connection's window, however many there are")
    func ignored() async throws {
        let size = 12_000
        try await self.withHTTP2 { proxy in
            let client = try await TLSPeer.connect(port: proxy.port, protocols: ["h2"])
            try await client.send(HTTP2Frames.start)
            for round in 0..<12 {
                let stream = UInt32(2 * round + 1)
                let backend = try proxy.backend("b-1")
                let fields = Self.fields("b-1", method: "POST") + [("content-length", "1000000")]
                let content = [UInt8](repeating: 0x61, count: size - 256)
                let data = HTTP2Frames.frame(.data, flags: HTTP2Frames.padded, stream: stream, [255] + content + [UInt8](repeating: 0, count: 255))
                try await client.send(HTTP2Frames.headers(fields, stream: stream, flags: HTTP2Frames.endHeaders) + data)
                let peer = try await backend.accept()
                _ = try await peer.receive(until: String(decoding: content, as: UTF8.self))
                try await peer.send("HTTP/1.1 413 Too Large\r\nDate: now\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
                _ = try await client.bytes("a reset") {
                    HTTP2Frames.read($0).contains { $0.kind == HTTP2Frames.Kind.resetStream.rawValue && $0.stream == stream }
                }
                // On its way when the stream was reset.
                try await client.send(data)
                _ = try await client.bytes("the connection's window back") { Self.windowGiven(to: 0, in: $0) > (2 * round + 1) * size - 65_535 / 2 }
            }
        }
    }

    @Test(
        "windows that have grown shrink when nothing is uploaded any more, although a stream is open, and another client's may grow instead",
        .timeLimit(.minutes(3)))
    func shrinking() async throws {
        let initial = 65_535
        try await self.withHTTP2({ $0.limits.uploadWindowsBytes = 3 * initial }) { proxy in
            let backend = try proxy.backend("b-1")
            let clients = [
                try await TLSPeer.connect(port: proxy.port, protocols: ["h2"]), try await TLSPeer.connect(port: proxy.port, protocols: ["h2"]),
            ]
            var readings: [Task<String, any Error>] = []
            for client in clients {
                try await client.send(HTTP2Frames.start + HTTP2Frames.headers(Self.fields("b-1", method: "POST"), stream: 1, flags: HTTP2Frames.endHeaders))
                for _ in 0..<4 { try await client.send(HTTP2Frames.frame(.data, stream: 1, [UInt8](repeating: 0x61, count: 8192))) }
                let peer = try await backend.accept()
                readings.append(Task { try await peer.receiveToEnd() })
                let asked = try await client.bytes("PING") { HTTP2Frames.read($0).contains { $0.kind == HTTP2Frames.Kind.ping.rawValue } }
                let ping = try #require(HTTP2Frames.read(asked).first { $0.kind == HTTP2Frames.Kind.ping.rawValue })
                try await client.send(
                    HTTP2Frames.frame(.data, stream: 1, [UInt8](repeating: 0x61, count: 16_384))
                        + HTTP2Frames.frame(.data, stream: 1, [UInt8](repeating: 0x61, count: 16_384 - 1))
                        + HTTP2Frames.frame(.ping, flags: 1, stream: 0, ping.payload))
                // The first one takes all there is, and gives it back. The stream stays open.
                _ = try await client.bytes("a larger window, and the first one again") { Self.windowSizes(in: $0) == [4 * initial, initial] }
            }
            for client in clients { try await client.close() }
            for reading in readings { _ = try await reading.value }
        }
    }

    @Test("once windows have shrunk, padding is given back to the connection's window as before", .timeLimit(.minutes(3)))
    func paddingBehindShrinking() async throws {
        let initial = 65_535
        try await self.withHTTP2({ $0.limits.uploadWindowsBytes = 3 * initial }) { proxy in
            let backend = try proxy.backend("b-1")
            let client = try await TLSPeer.connect(port: proxy.port, protocols: ["h2"])
            func data(_ count: Int) -> [UInt8] { HTTP2Frames.frame(.data, stream: 1, [UInt8](repeating: 0x61, count: count)) }
            try await client.send(
                HTTP2Frames.start + HTTP2Frames.headers(Self.fields("b-1", method: "POST"), stream: 1, flags: HTTP2Frames.endHeaders) + data(16_384)
                    + data(16_384))
            let peer = try await backend.accept()
            let reading = Task { try await peer.receiveToEnd() }
            let asked = try await client.bytes("PING") { HTTP2Frames.read($0).contains { $0.kind == HTTP2Frames.Kind.ping.rawValue } }
            let ping = try #require(HTTP2Frames.read(asked).first { $0.kind == HTTP2Frames.Kind.ping.rawValue })
            try await client.send(data(16_384) + data(16_384 - 1) + HTTP2Frames.frame(.ping, flags: 1, stream: 0, ping.payload))
            _ = try await client.bytes("a larger window, and the first one again") { Self.windowSizes(in: $0) == [4 * initial, initial] }
            // The client uses up what it may still send on the connection beyond the first size. No PING is answered, so nothing grows.
            for sent in stride(from: initial + 15_000, through: 4 * initial + 15_000, by: 15_000) {
                try await client.send(data(15_000))
                _ = try await client.bytes("the stream's window back") { Self.windowGiven(to: 1, in: $0) > sent - initial / 8 }
            }
            let before = Self.windowGiven(to: 0, in: try await client.bytes("all") { _ in true })
            let padded = HTTP2Frames.frame(.data, flags: HTTP2Frames.padded, stream: 1, [255] + [0x61] + [UInt8](repeating: 0, count: 255))
            for _ in 0..<180 { try await client.send(padded) }
            _ = try await client.bytes("the connection's window back") { Self.windowGiven(to: 0, in: $0) > before + 180 * 257 - initial / 4 }
            try await client.close()
            _ = try await reading.value
        }
    }

    /// Those that the proxy has told for streams, in their order.
    private static func windowSizes(in bytes: [UInt8]) -> [Int] {
        HTTP2Frames.read(bytes).filter { $0.kind == HTTP2Frames.Kind.settings.rawValue && $0.payload.starts(with: [0, 4]) && $0.payload.count == 6 }
            .map { $0.payload.suffix(4).reduce(0) { $0 << 8 | Int($1) } }
    }

    @Test("the windows of a client that fills them grow, as it is told by SETTINGS and WINDOW_UPDATE")
    func growth() async throws {
        try await self.withHTTP2 { proxy in
            let backend = try proxy.backend("b-1")
            let client = try await TLSPeer.connect(port: proxy.port, protocols: ["h2"])
            try await client.send(
                HTTP2Frames.start + HTTP2Frames.headers(Self.fields("b-1", method: "POST"), stream: 1, flags: HTTP2Frames.endHeaders)
                    + HTTP2Frames.frame(.data, stream: 1, [UInt8](repeating: 0x61, count: 16_384))
                    + HTTP2Frames.frame(.data, stream: 1, [UInt8](repeating: 0x61, count: 16_384)))
            let peer = try await backend.accept()
            let reading = Task { try await peer.receiveToEnd() }
            let asked = try await client.bytes("PING") { HTTP2Frames.read($0).contains { $0.kind == HTTP2Frames.Kind.ping.rawValue } }
            let ping = try #require(HTTP2Frames.read(asked).first { $0.kind == HTTP2Frames.Kind.ping.rawValue })
            try await client.send(
                HTTP2Frames.frame(.data, stream: 1, [UInt8](repeating: 0x61, count: 16_384))
                    + HTTP2Frames.frame(.data, stream: 1, [UInt8](repeating: 0x61, count: 16_384 - 1))
                    + HTTP2Frames.frame(.ping, flags: 1, stream: 0, ping.payload))
            let size = HTTP2Frames.number(4 * 65_535)
            _ = try await client.bytes("a larger window") {
                HTTP2Frames.read($0).contains { $0.kind == HTTP2Frames.Kind.settings.rawValue && $0.payload.suffix(4).elementsEqual(size) }
            }
            try await client.close()
            _ = try await reading.value
        }
    }

    @Test("what is urgent is sent first, and what is incremental in turns, as the request says it or a PRIORITY_UPDATE afterwards", arguments: [false, true])
    func priorities(byUpdate: Bool) async throws {
        try await self.withHTTP2 { proxy in
            let backend = try proxy.backend("b-1")
            let client = try await TLSPeer.connect(port: proxy.port, protocols: ["h2"])
            // No byte of a body may be sent until the window of the connection is opened again.
            let flags = HTTP2Frames.endHeaders | HTTP2Frames.endStream
            try await client.send(
                HTTP2Frames.start + HTTP2Frames.headers(Self.fields("b-1"), stream: 1, flags: flags))
            let body = { (count: Int) in
                "HTTP/1.1 200 OK\r\nDate: now\r\nConnection: close\r\nContent-Length: \(count)\r\n\r\n" + String(repeating: "x", count: count)
            }
            let filling = try await backend.accept()
            _ = try await filling.receive(until: "\r\n\r\n")
            try await filling.send(body(65_535))
            _ = try await client.bytes("a full window") { Self.bytes(of: 1, in: $0) == 65_535 }
            let priorities: [(UInt32, String)] = [(3, "u=6"), (5, "u=5, i"), (7, "u=5, i"), (9, "u=1")]
            for (stream, priority) in priorities {
                let fields = Self.fields("b-1") + [("priority", byUpdate ? "u=\(stream == 9 ? 7 : 0)" : priority)]
                try await client.send(HTTP2Frames.headers(fields, stream: stream, flags: flags))
                let peer = try await backend.accept()
                _ = try await peer.receive(until: "\r\n\r\n")
                try await peer.send(body(20_000))
            }
            _ = try await client.bytes("four heads") { bytes in HTTP2Frames.read(bytes).count { $0.kind == 1 } == 5 }
            if byUpdate {
                for (stream, priority) in priorities {
                    try await client.send(HTTP2Frames.frame(.priorityUpdate, stream: 0, HTTP2Frames.number(stream) + Array(priority.utf8)))
                }
            }
            try await client.send(HTTP2Frames.frame(.windowUpdate, stream: 0, HTTP2Frames.number(80_000)))
            let seen = try await client.bytes("all") { bytes in [3, 5, 7, 9].allSatisfy { Self.bytes(of: $0, in: bytes) == 20_000 } }
            let order = HTTP2Frames.read(seen).filter { $0.kind == 0 && $0.stream > 1 && !$0.payload.isEmpty }.map(\.stream)
            #expect(order.first == 9 && order.last == 3, "\(order)")
            let turns = order.filter { [5, 7].contains($0) }
            #expect(turns == [5, 7, 5, 7] || turns == [7, 5, 7, 5], "\(order)")
        }
    }

    /// - Parameter stream: 0 is the connection.
    private static func windowGiven(to stream: UInt32, in bytes: [UInt8]) -> Int {
        var sum = 0
        for frame in HTTP2Frames.read(bytes) where frame.kind == HTTP2Frames.Kind.windowUpdate.rawValue && frame.stream == stream {
            sum += frame.payload.reduce(0) { $0 << 8 | Int($1) }
        }
        return sum
    }

    private static func bytes(of stream: UInt32, in bytes: [UInt8]) -> Int {
        HTTP2Frames.read(bytes).filter { $0.kind == 0 && $0.stream == stream }.reduce(0) { $0 + $1.payload.count }
    }
}
