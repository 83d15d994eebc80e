import DroneProxyPolicy
import Foundation
import NIOCore
import PlaneTestSupport
import Testing

@testable import ProxyCore

/// One side takes less at a time than the other sends, so the proxy stops reading and goes on some hundred times in each transfer. Of all
/// these pauses none may be the last.
@Suite("A pause has an end: what one side could not take at first arrives whole")
struct ResumedReadingTests {
    enum Way: String, CaseIterable, CustomTestStringConvertible {
        case plain = "--http1.1"
        case tls = "--http1.1 "
        case http2 = "--http2"

        var testDescription: String {
            switch self {
            case .plain: "HTTP/1.1"
            case .tls: "HTTP/1.1 through TLS"
            case .http2: "HTTP/2"
            }
        }
    }

    private static let count = 1_000_000
    /// What the kernel takes at once of what is sent to a backend.
    private static let smallBuffer: CInt = 4096

    private let folder: CertificateFolder

    init() async throws { self.folder = try await CertificateFolder() }

    private func withProxy(_ way: Way, isShutDown: Bool = false, _ body: (ProxyUnderTest) async throws -> Void) async throws {
        try self.folder.install(self.folder.first)
        let listener = way == .plain ? ProxyListener(.http) : ProxyListener(.https(self.folder.store(offersHTTP2: way == .http2)))
        try await ProxyCoreTests.withProxy(isShutDown: isShutDown, listener: listener) { options in
            // Each write fills it, and only what has left makes room.
            options.limits.writeBufferBytes = 1024..<4096
        } _: {
            try await body($0)
        }
    }

    private func curl(_ way: Way, _ proxy: ProxyUnderTest, _ arguments: String) async throws -> String {
        let scheme = way == .plain ? "http" : "https"
        return try await Shell.run(
            "curl -ksS -m 120 \(way.rawValue) -o /dev/null -w '%{http_code} %{size_upload} %{size_download}' --connect-to '::127.0.0.1:\(proxy.port)' \(arguments) \(scheme)://b-1.plane.test/"
        )
    }

    /// Reads a request with a body of ``count`` bytes, and answers with as many.
    private static func echoLength(_ backend: TestBackend) -> Task<Int, any Error> {
        Task {
            let peer = try await backend.accept()
            var seen = try await peer.receive(count: Self.count)
            let head = try #require(seen.firstRange(of: Array("\r\n\r\n".utf8))).upperBound
            if seen.count < head + Self.count { seen += try await peer.receive(count: head + Self.count - seen.count) }
            try await peer.send("HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: \(Self.count)\r\n\r\n")
            try await peer.send([UInt8](repeating: 0x61, count: Self.count))
            return seen.count - head
        }
    }

    @Test("an upload to a backend that takes it in small bites, and its answer", arguments: Way.allCases)
    func upload(way: Way) async throws {
        try await self.withProxy(way) { proxy in
            let serving = Self.echoLength(try proxy.backend("b-1", receiveBuffer: Self.smallBuffer))
            let path = self.folder.path("body")
            try Data(repeating: 0x62, count: Self.count).write(to: URL(filePath: path))
            let output = try await self.curl(way, proxy, "-H 'Expect:' --data-binary @\(path)")
            #expect(output == "200 \(Self.count) \(Self.count)")
            if output.hasPrefix("200") { #expect(try await serving.value == Self.count) }
        }
    }

    @Test("an upload that waited for its backend's start", arguments: Way.allCases)
    func heldUpload(way: Way) async throws {
        try await self.withProxy(way) { proxy in
            proxy.routes.set("b-1", .starting(token: nil))
            let path = self.folder.path("body")
            try Data(repeating: 0x62, count: Self.count).write(to: URL(filePath: path))
            async let output = self.curl(way, proxy, "-H 'Expect:' --data-binary @\(path)")
            await proxy.routes.untilRead()
            let serving = Self.echoLength(try proxy.backend("b-1", receiveBuffer: Self.smallBuffer))
            #expect(try await output == "200 \(Self.count) \(Self.count)")
            if try await output.hasPrefix("200") { #expect(try await serving.value == Self.count) }
        }
    }

    @Test("an upload, and its answer, that go on while another process has taken the proxy's place", arguments: Way.allCases)
    func handOver(way: Way) async throws {
        try await self.withProxy(way, isShutDown: true) { proxy in
            let backend = try proxy.backend("b-1", receiveBuffer: Self.smallBuffer)
            let path = self.folder.path("body")
            try Data(repeating: 0x62, count: Self.count).write(to: URL(filePath: path))
            async let output = self.curl(way, proxy, "-H 'Expect:' --data-binary @\(path)")
            // The backend reads nothing before, so the upload stands still.
            let peer = try await backend.accept()
            await proxy.server.stopListening(proxy.listener)
            async let stopped: Void = proxy.server.shutDown(within: .minutes(5))
            try await eventually("it is known") { proxy.server.isDraining }
            var seen = try await peer.receive(count: Self.count)
            let head = try #require(seen.firstRange(of: Array("\r\n\r\n".utf8))).upperBound
            if seen.count < head + Self.count { seen += try await peer.receive(count: head + Self.count - seen.count) }
            #expect(seen.count == head + Self.count)
            try await peer.send("HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: \(Self.count)\r\n\r\n")
            try await peer.send([UInt8](repeating: 0x61, count: Self.count))
            #expect(try await output == "200 \(Self.count) \(Self.count)")
            try await stopped
            withExtendedLifetime(backend) {}
        }
    }

    @Test("a tunnel through TLS, in both directions")
    func tunnel() async throws {
        try await self.withProxy(.tls) { proxy in
            let backend = try proxy.backend("b-1", receiveBuffer: Self.smallBuffer)
            let client = try await TLSPeer.connect(port: proxy.port)
            try await client.send("GET / HTTP/1.1\r\nHost: b-1.plane.test\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
            let (_, peer) = try await backend.answerOnce("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n").value
            _ = try await client.receive(until: "\r\n\r\n")
            let body = [UInt8](repeating: 0x61, count: Self.count)
            async let up: Void = client.send(body)
            async let down: Void = peer.send(body)
            #expect(try await peer.receive(count: Self.count).count == Self.count)
            #expect(try await client.bytes("what the backend sent") { $0.count >= Self.count }.count == Self.count)
            _ = try await (up, down)
        }
    }
}
