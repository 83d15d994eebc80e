import DroneProxyPolicy
import Foundation
import NIOCore
import PlaneProtocol
import PlaneTestSupport
import Testing

@testable import ProxyCore

/// curl is the client: not ours, so it proves that anyone's works.
@Suite("HTTP/2")
struct HTTP2Tests {
    private static let ok = "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok"
    /// Prints body, version and status.
    private static let curl = "curl -ksS -m 120 --http2 -w '|%{http_version}|%{http_code}' --resolve '*:443:127.0.0.1'"

    private let folder: CertificateFolder

    init() async throws { self.folder = try await CertificateFolder() }

    private func withHTTP2(_ body: (ProxyUnderTest) async throws -> Void) async throws {
        try self.folder.install(self.folder.first)
        let store = self.folder.store(offersHTTP2: true)
        try await withProxy(listener: ProxyListener(.https(store))) { try await body($0) }
    }

    private static func ask(_ proxy: ProxyUnderTest, _ arguments: String, name: String = "b-1") async throws -> String {
        try await Shell.run("\(Self.curl) --connect-to '::127.0.0.1:\(proxy.port)' \(arguments)".replacing("HOST", with: "https://\(name).plane.test"))
    }

    @Test("a request reaches its backend as HTTP/1.1, and its response comes back")
    func exchange() async throws {
        try await self.withHTTP2 { proxy in
            let answering = try proxy.backend("b-1").answerOnce(Self.ok)
            #expect(try await Self.ask(proxy, "'HOST/path?query' -H 'Cookie: a=b'") == "ok|2|200")
            let request = try await answering.value.request
            #expect(request.hasPrefix("GET /path?query HTTP/1.1\r\nHost: b-1.plane.test\r\n"))
            #expect(request.contains("\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: https\r\n"))
        }
    }

    @Test("a head whose lines end with a line feed alone, as CGI scripts print them, comes through")
    func lineFeeds() async throws {
        try await self.withHTTP2 { proxy in
            let answering = try proxy.backend("b-1").answerOnce("HTTP/1.0 200 OK\nContent-Type: text/plain\nContent-Length: 2\n\nok")
            let output = try await Self.ask(proxy, "HOST/ -D -")
            #expect(output.contains("content-type: text/plain") && output.hasSuffix("ok|2|200"), "\(output)")
            _ = try await answering.value
        }
    }

    @Test("with the cookie alone, a method that is not safe is 403 from a page of another backend")
    func neighbours() async throws {
        try await self.withHTTP2 { proxy in
            let backend = try proxy.backend("b-1", token: "s3cret")
            let serving = backend.serve(Self.ok)
            defer { serving.cancel() }
            let post = "HOST/ -X POST -o /dev/null -H 'Cookie: _plane_auth=s3cret' -H"
            #expect(try await Self.ask(proxy, "\(post) 'Origin: https://evil.plane.test'") == "|2|403")
            #expect(try await Self.ask(proxy, "\(post) 'Origin: https://b-1.plane.test'") == "|2|200")
        }
    }

    @Test("many requests share one connection of the client")
    func multiplexed() async throws {
        try await self.withHTTP2 { proxy in
            let backend = try proxy.backend("b-1")
            let serving = (0..<3).map { _ in backend.serve(Self.ok) }
            let output = try await Self.ask(proxy, "HOST/1 HOST/2 HOST/3 -w '%{num_connects}'")
            #expect(output == "ok1ok0ok0")
            for task in serving { task.cancel() }
        }
    }

    @Test("a body without a length goes on in chunks, and a response in chunks comes back whole")
    func chunks() async throws {
        try await self.withHTTP2 { proxy in
            let backend = try proxy.backend("b-1")
            let answering = Task {
                let peer = try await backend.accept()
                let request = try await peer.receive(until: "0\r\n\r\n")
                try await peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")
                return request
            }
            #expect(try await Self.ask(proxy, "HOST/ -T - < /dev/null -X POST").hasSuffix("onetwo|2|200"))
            #expect(try await answering.value.contains("\r\nTransfer-Encoding: chunked\r\n"))
        }
    }

    @Test("trailers of a response in chunks come behind its body, however they are cut", arguments: [1, 7, .max])
    func responseTrailers(size: Int) async throws {
        try await self.withHTTP2 { proxy in
            let backend = try proxy.backend("b-1")
            let answering = Task {
                let peer = try await backend.accept()
                _ = try await peer.receive(until: "\r\n\r\n")
                let answer = Array(
                    "HTTP/1.1 200 OK\r\nTrailer: Server-Timing\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nServer-Timing:  db;dur=5 \r\nX-Check: a:b\r\n\r\n"
                        .utf8)
                for start in stride(from: 0, to: answer.count, by: min(size, answer.count)) {
                    try await peer.send(Array(answer[start...].prefix(size)))
                }
            }
            let output = try await Self.ask(proxy, "HOST/ -D -").replacing("\r\n", with: "\n")
            try await answering.value
            #expect(output.contains("trailer: Server-Timing\n"))
            #expect(output.contains("ok") && output.contains("server-timing: db;dur=5\nx-check: a:b\n"))
            #expect(output.hasSuffix("|2|200"))
        }
    }

    @Test("trailers of a request without a length come behind its body; with a length they are left out; what may not be one is refused")
    func requestTrailers() async throws {
        let head: [(String, String)] = [(":method", "POST"), (":scheme", "https"), (":authority", "b-1.plane.test"), (":path", "/")]
        try await self.withHTTP2 { proxy in
            let backend = try proxy.backend("b-1")
            let client = try await TLSPeer.connect(port: proxy.port, protocols: ["h2"])
            try await client.send(HTTP2Frames.start)
            for (stream, length) in [(1, nil), (3, "3")] as [(UInt32, String?)] {
                let fields = head + (length.map { [("content-length", $0)] } ?? [])
                try await client.send(
                    HTTP2Frames.headers(fields, stream: stream, flags: HTTP2Frames.endHeaders) + HTTP2Frames.frame(.data, stream: stream, Array("abc".utf8))
                        + HTTP2Frames.headers([("x-check", "a:b")], stream: stream, flags: HTTP2Frames.endHeaders | HTTP2Frames.endStream))
                let peer = try await backend.accept()
                let request = try await peer.receive(until: length == nil ? "\r\nx-check: a:b\r\n\r\n" : "abc")
                #expect(request.hasSuffix(length == nil ? "3\r\nabc\r\n0\r\nx-check: a:b\r\n\r\n" : "\r\n\r\nabc"))
                try await peer.send(Self.ok)
                peer.close()
            }
            let peer = Task { try await backend.accept() }
            try await client.send(
                HTTP2Frames.headers(head, stream: 5, flags: HTTP2Frames.endHeaders) + HTTP2Frames.frame(.data, stream: 5, Array("abc".utf8)))
            _ = try await peer.value.receive(until: "abc\r\n")
            try await client.send(
                HTTP2Frames.headers([("authorization", "Bearer x")], stream: 5, flags: HTTP2Frames.endHeaders | HTTP2Frames.endStream))
            let seen = try await client.bytes("a refusal") { HTTP2Frames.read($0).contains { $0.stream == 5 && [1, 3].contains($0.kind) } }
            #expect(!HTTP2Frames.read(seen).contains { $0.stream == 5 && $0.kind == 1 && $0.payload.first == 0x88 })
            #expect(try await !peer.value.receiveToEnd().contains("uthorization"))
        }
    }

    @Test("a response that ends with its connection, an answer to HEAD, and one without a body end as they should")
    func endings() async throws {
        try await self.withHTTP2 { proxy in
            let backend = try proxy.backend("b-1")
            let first = Task {
                let (_, peer) = try await backend.answerOnce("HTTP/1.1 200 OK\r\n\r\nto the end").value
                peer.close()
            }
            #expect(try await Self.ask(proxy, "HOST/") == "to the end|2|200")
            try await first.value
            let second = backend.answerOnce("HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 5\r\n\r\n")
            #expect(try await Self.ask(proxy, "HOST/ --head -o /dev/null") == "|2|200")
            _ = try await second.value
        }
    }

    @Test("a response that is cut off does not look whole")
    func cutOff() async throws {
        try await self.withHTTP2 { proxy in
            let backend = try proxy.backend("b-1")
            let answering = Task {
                let (_, peer) = try await backend.answerOnce("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhal\r\n").value
                peer.close()
            }
            #expect(try await Self.ask(proxy, "HOST/ || echo failed").hasSuffix("failed\n"))
            try await answering.value
        }
    }

    @Test("much data passes in both directions", arguments: [3_000_000])
    func large(count: Int) async throws {
        try await self.withHTTP2 { proxy in
            let backend = try proxy.backend("b-1")
            let answering = Task {
                let peer = try await backend.accept()
                // Head and body come together, and no library stands between to tell where one ends.
                var seen = try await peer.receive(count: count)
                let head = try #require(seen.firstRange(of: Array("\r\n\r\n".utf8))).upperBound
                if seen.count < head + count { seen += try await peer.receive(count: head + count - seen.count) }
                #expect(seen.count == head + count)
                try await peer.send("HTTP/1.1 200 OK\r\nContent-Length: \(count)\r\n\r\n")
                try await peer.send([UInt8](repeating: 0x61, count: count))
                return peer
            }
            let output = try await Self.ask(
                proxy, "HOST/ -H 'Content-Type: x' -H 'Expect:' --data-binary @\(try self.file(count)) -o /dev/null -w '|%{size_download}'")
            #expect(output == "|\(count)")
            _ = try await answering.value
        }
    }

    private func file(_ count: Int) throws -> String {
        let path = self.folder.path("large")
        try Data(repeating: 0x62, count: count).write(to: URL(filePath: path))
        return path
    }

    @Test("streams count as connections: one too many is refused in a way that lets the client try again, the others go on")
    func tooMany() async throws {
        try self.folder.install(self.folder.first)
        let listener = ProxyListener(.https(self.folder.store(offersHTTP2: true)))
        try await withProxy(listener: listener, { $0.limits.connectionsPerAddress = 3 }) { proxy in
            let backend = try proxy.backend("b-1")
            let client = try await TLSPeer.connect(port: proxy.port, protocols: ["h2"])
            let get = [(":method", "GET"), (":scheme", "https"), (":authority", "b-1.plane.test"), (":path", "/")]
            let flags = HTTP2Frames.endHeaders | HTTP2Frames.endStream
            try await client.send(HTTP2Frames.start + [1, 3, 5].flatMap { HTTP2Frames.headers(get, stream: $0, flags: flags) })
            let bytes = try await client.bytes("RST_STREAM") { HTTP2Frames.read($0).contains { $0.kind == HTTP2Frames.Kind.resetStream.rawValue } }
            let refusedStream = HTTP2Frames.number(7)
            #expect(HTTP2Frames.read(bytes).contains { $0.kind == 3 && $0.stream == 5 && $0.payload == refusedStream })
            _ = try await backend.answerOnce(Self.ok).value
            _ = try await backend.answerOnce(Self.ok).value
            _ = try await client.bytes("both responses") {
                HTTP2Frames.read($0).filter { $0.payload == Array("ok".utf8) }.map(\.stream).sorted() == [1, 3]
            }
        }
    }

    @Test("a stream whose head does not come whole is counted until its connection ends, and no longer")
    func unfinishedHead() async throws {
        try self.folder.install(self.folder.first)
        let listener = ProxyListener(.https(self.folder.store(offersHTTP2: true)))
        try await withProxy(listener: listener, { $0.limits.connectionsPerAddress = 2 }) { proxy in
            let get = [(":method", "GET"), (":scheme", "https"), (":authority", "b-1.plane.test"), (":path", "/")]
            let first = try await TLSPeer.connect(port: proxy.port, protocols: ["h2"])
            try await first.send(HTTP2Frames.start + HTTP2Frames.headers(get, stream: 1, flags: HTTP2Frames.endStream))
            try await eventually("the stream is counted") { proxy.server.openConnections == 2 }
            try await first.close()
            try await eventually("nothing is open") { proxy.server.openConnections == 0 }
            let answering = try proxy.backend("b-1").answerOnce(Self.ok)
            let second = try await TLSPeer.connect(port: proxy.port, protocols: ["h2"])
            try await second.send(
                HTTP2Frames.start + HTTP2Frames.headers(get, stream: 1, flags: HTTP2Frames.endHeaders | HTTP2Frames.endStream))
            _ = try await second.bytes("the response") { HTTP2Frames.read($0).contains { $0.payload == Array("ok".utf8) } }
            _ = try await answering.value
        }
    }

    @Test("a replaced proxy serves the streams it has, takes no more, and says so")
    func replaced() async throws {
        try await self.withHTTP2 { proxy in
            let backend = try proxy.backend("b-1")
            let client = try await TLSPeer.connect(port: proxy.port, protocols: ["h2"])
            let get = [(":method", "GET"), (":scheme", "https"), (":authority", "b-1.plane.test"), (":path", "/")]
            try await client.send(
                HTTP2Frames.start + HTTP2Frames.headers(get, stream: 1, flags: HTTP2Frames.endHeaders | HTTP2Frames.endStream))
            let peer = try await backend.accept()
            _ = try await peer.receive(until: "\r\n\r\n")
            await proxy.listener.close()
            async let served: Void = proxy.server.serveOut(within: nil)
            _ = try await client.bytes("GOAWAY") { HTTP2Frames.read($0).contains { $0.kind == HTTP2Frames.Kind.goAway.rawValue } }
            try await peer.send(Self.ok)
            let bytes = try await client.bytes("the response") { HTTP2Frames.read($0).contains { $0.payload == Array("ok".utf8) } }
            #expect(HTTP2Frames.read(bytes).contains { $0.stream == 1 && $0.payload == Array("ok".utf8) })
            // Asked whether all that was sent before GOAWAY has come, a client says so, and that is the end.
            for ping in HTTP2Frames.read(bytes) where ping.kind == HTTP2Frames.Kind.ping.rawValue {
                try await client.send(HTTP2Frames.frame(.ping, flags: 1, stream: 0, ping.payload))
            }
            await served
        }
    }

    @Test("answers of the proxy itself arrive: no backend, no token")
    func refusals() async throws {
        try await self.withHTTP2 { proxy in
            _ = try proxy.backend("closed", token: "s3cret")
            #expect(try await Self.ask(proxy, "HOST/", name: "unknown") == "There is no such backend.\n|2|404")
            #expect(try await Self.ask(proxy, "HOST/", name: "closed") == "Expected bearer token.\n|2|401")
        }
    }
}
