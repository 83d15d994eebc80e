import DroneProxyPolicy
import Foundation
import NIOCore
import PlaneProtocol
import PlaneTestSupport
import Testing

@testable import ProxyCore

@Suite("The access log")
struct AccessLogTests {
    private static let ok = "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok"
    private let directory: TemporaryDirectory
    private let file: FileHandle

    init() throws {
        self.directory = try TemporaryDirectory()
        let path = self.directory.file("access.log")
        _ = FileManager.default.createFile(atPath: path, contents: nil)
        self.file = try #require(FileHandle(forWritingAtPath: path))
    }

    /// What is in the log once the proxy has ended.
    private func log(_ format: AccessLogFormat, _ body: (ProxyUnderTest) async throws -> Void) async throws -> [String] {
        let log = AccessLog(format: format, descriptor: self.file.fileDescriptor)
        try await withProxy({ $0.accessLog = log }, body)
        return try String(contentsOfFile: self.directory.file("access.log"), encoding: .utf8).split(separator: "\n").map(String.init)
    }

    @Test("in common form a request is one line, without its query")
    func common() async throws {
        let lines = try await self.log(.common) { proxy in
            let answering = try proxy.backend("b-1").answerOnce(Self.ok)
            let client = try proxy.connect()
            try await client.send("GET /a?secret=1 HTTP/1.1\r\nHost: b-1.plane.test:80\r\n\r\n")
            #expect(try await client.receiveMessage() == Self.ok)
            _ = try await answering.value
        }
        try #require(lines.count == 1)
        let pattern =
            #/127\.0\.0\.1 - - \[\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET /a HTTP/1\.1" 200 (\d+) host=b-1\.plane\.test backend=b-1 seconds=\d+\.\d{3} id=[0-9a-f]{32}/#
        let match = try #require(try pattern.wholeMatch(in: lines[0]))
        #expect(match.1 == "\(Self.ok.utf8.count)")
    }

    @Test("in JSON every line is an object; refusals are told too")
    func json() async throws {
        struct Line: Decodable, Equatable {
            var client, method, host, path, `protocol`: String
            var status: Int
            var backend: String?
        }
        let lines = try await self.log(.json) { proxy in
            _ = try proxy.backend("closed", token: "s3cret")
            for (name, path) in [("unknown", "/\\\"a"), ("closed", "/_plane_auth?token=s3cret")] {
                _ = try await proxy.exchange("GET \(path) HTTP/1.1\r\nHost: \(name).plane.test\r\nConnection: close\r\n\r\n")
            }
        }
        #expect(!lines.joined().contains("s3cret"))
        let decoded = try lines.map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
        #expect(
            decoded == [
                Line(client: "127.0.0.1", method: "GET", host: "unknown.plane.test", path: "/%5C%22a", protocol: "HTTP/1.1", status: 404, backend: nil),
                Line(client: "127.0.0.1", method: "GET", host: "closed.plane.test", path: "/_plane_auth", protocol: "HTTP/1.1", status: 302, backend: nil),
            ])
    }

    @Test("what cannot be read, and what does not come to its end, is told with what is known of it")
    func unreadable() async throws {
        let log = AccessLog(format: .common, descriptor: self.file.fileDescriptor)
        try await withProxy({ $0.accessLog = log }) { proxy in
            let answer = try await proxy.exchange("GET / HTTP/1.1\nHost: b-1.plane.test\r\n\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 400 "))
        }
        try await withProxy({
            $0.accessLog = log
            $0.limits.requestHead = .seconds(1)
        }) { proxy in
            try await proxy.beginsHead("GET / HTT")
        }
        let text = try String(contentsOfFile: self.directory.file("access.log"), encoding: .utf8)
        #expect(text.contains("\"- - -\" 400 "))
        #expect(text.contains("\"- - -\" 408 "))
        #expect(text.split(separator: "\n").count == 2)
    }

    @Test("nor is a request of HTTP/2 forgotten that has no form in HTTP/1.1")
    func unreadableOverHTTP2() async throws {
        let folder = try await CertificateFolder()
        try folder.install(folder.first)
        let log = AccessLog(format: .common, descriptor: self.file.fileDescriptor)
        try await withProxy(listener: ProxyListener(.https(folder.store(offersHTTP2: true))), { $0.accessLog = log }) { proxy in
            let client = try await TLSPeer.connect(port: proxy.port, protocols: ["h2"])
            let fields = [(":method", "GET"), (":scheme", "https"), (":authority", "b-1.plane.test"), (":path", "/"), ("host", "other.plane.test")]
            try await client.send(HTTP2Frames.start)
            try await client.send(HTTP2Frames.headers(fields, stream: 1, flags: HTTP2Frames.endHeaders | HTTP2Frames.endStream))
            let bytes = try await client.bytes("an answer") { HTTP2Frames.read($0).contains { $0.kind == HTTP2Frames.Kind.headers.rawValue } }
            #expect(HTTP2Frames.read(bytes).contains { $0.payload.first == 0x8c }, "0x8c is the status 400 (RFC 7541, appendix A)")
        }
        let text = try String(contentsOfFile: self.directory.file("access.log"), encoding: .utf8)
        #expect(text.contains("\"- - -\" 400 "), "\(text)")
    }

    @Test("a path of a drone's visitors is told though it looks like a token of the tier's; what the tier passes on is not")
    func tokens() async throws {
        let segment = "s.0123456789abcdefghijklmnopqrstuvwxyzABCDE-_"
        for isInner in [false, true] {
            var listener = ProxyListener(.http)
            listener.isInner = isInner
            let log = AccessLog(format: .common, descriptor: self.file.fileDescriptor)
            try await withProxy(listener: listener, { $0.accessLog = log }) { proxy in
                _ = try await proxy.exchange("GET /\(segment)/a HTTP/1.1\r\nHost: b-1.plane.test\r\nConnection: close\r\n\r\n")
            }
        }
        let lines = try String(contentsOfFile: self.directory.file("access.log"), encoding: .utf8).split(separator: "\n")
        try #require(lines.count == 2)
        #expect(lines[0].contains("\"GET /\(segment)/a HTTP/1.1\" 404 "))
        #expect(lines[1].contains("\"GET /[token]/a HTTP/1.1\" 403 "))
    }

    @Test("a WebSocket is told when it ends, and a client that goes before the response with 499")
    func endings() async throws {
        let lines = try await self.log(.common) { proxy in
            let backend = try proxy.backend("b-1")
            let client = try proxy.connect()
            try await client.send("GET /ws HTTP/1.1\r\nHost: b-1.plane.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
            let (_, peer) = try await backend.answerOnce(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
            ).value
            _ = try await client.receive(until: "\r\n\r\n")
            client.close()
            _ = try await peer.receiveToEnd()
            peer.close()
            let other = try proxy.connect()
            try await other.send("GET /left HTTP/1.1\r\nHost: b-1.plane.test\r\n\r\n")
            let waiting = try await backend.accept()
            _ = try await waiting.receive(until: "\r\n\r\n")
            other.close()
            _ = try await waiting.receiveToEnd()
        }
        try #require(lines.count == 2)
        #expect(lines.contains { $0.contains("\"GET /ws HTTP/1.1\" 101 ") })
        #expect(lines.contains { $0.contains("\"GET /left HTTP/1.1\" 499 0 ") })
    }
}
