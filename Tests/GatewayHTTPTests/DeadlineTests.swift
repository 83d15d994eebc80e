import GatewayCore
import Glibc
import NIOCore
import NIOPosix
import PlaneTestSupport
import Testing

@testable import GatewayHTTP

/// How long a connection waits for its client, and what a client that has made a mistake still gets.
@Suite("Deadlines of the gateway's connections", .timeLimit(.minutes(2))) struct DeadlineTests {
    private static let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    private static let last = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    /// More than both kernels keep for a client that reads nothing.
    private static let large = 16 << 20

    /// Serves on the gateway's connections with these deadlines; a path is answered with as many bytes as it says.
    private static func serve(
        _ change: (inout HTTPDeadlines) -> Void = { _ in }, responder: RequestHandler.Responder? = nil, _ body: (UInt16) async throws -> Void
    ) async throws {
        var deadlines = HTTPDeadlines()
        change(&deadlines)
        let connections = HTTPConnections(
            deadlines: deadlines,
            respond: responder ?? { request in
                Reply.bytes([UInt8](repeating: 0x61, count: Int(request.path.dropFirst()) ?? 2), type: "text/plain")
            })
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in connections.setup(channel: channel, logger: silent).map { _ in } }
            .bind(host: "127.0.0.1", port: 0).get()
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(UInt16(try #require(server.localAddress?.port))))
        } catch {
            result = .failure(error)
        }
        try await server.close().get()
        try result.get()
    }

    /// Answers with the body of the request.
    private static let echo: RequestHandler.Responder = { request in
        do throws(GatewayError) {
            return Reply.bytes(try await request.json(), type: "application/json")
        } catch {
            return Reply(error, id: "e")
        }
    }

    private static func request(bytes: Int, closes: Bool = false) -> String {
        "GET /\(bytes) HTTP/1.1\r\nHost: a\r\n\(closes ? "Connection: close\r\n" : "")\r\n"
    }

    /// Returns when the kernel refuses what a peer sends, because the other side has closed the connection.
    private static func waitUntilCutOff(_ peer: TestPeer) async throws {
        try await eventually("the connection is closed for what the client sends") {
            do { try await peer.send("x") } catch { return true }
            return false
        }
    }

    @Test("the last answer is taken whole by a client that takes longer for it than it then has to close the connection")
    func slowLastAnswer() async throws {
        try await Self.serve {
            $0.closing = .milliseconds(20)
        } _: { port in
            let peer = try TestPeer.connect(port: port, receiveBuffer: 4096)
            try await peer.send(Self.request(bytes: Self.large, closes: true))
            let begun = try await peer.receive(count: 1).count
            // Another one's time is over, and so would this one's be.
            let other = try TestPeer.connect(port: port)
            try await other.send(Self.last)
            #expect(try await other.receiveToEnd().hasSuffix("aa"))
            try await Self.waitUntilCutOff(other)
            #expect(try await begun + peer.countToEnd() > Self.large)
        }
    }

    @Test("a client that takes an answer more slowly than a connection may be idle gets it whole, where it takes enough in a second, and asks on")
    func slowAnswer() async throws {
        try await Self.serve {
            $0.idle = .seconds(1)
            $0.bytesPerSecond = 1 << 18
        } _: { port in
            let peer = try TestPeer.connect(port: port, receiveBuffer: 4096)
            try await peer.send(Self.request(bytes: Self.large))
            let begun = try await peer.receive(count: 1).count
            // Another one's time is over, and so would this one's be.
            #expect(try await TestPeer.connect(port: port).receiveToEnd().isEmpty)
            try await peer.send(Self.last)
            let rest = try await peer.receiveToEnd()
            #expect(begun + rest.utf8.count > Self.large)
            #expect(rest.hasSuffix("\r\n\r\naa"))
        }
    }

    @Test("a client that does not take its answer is cut off")
    func unread() async throws {
        try await Self.serve {
            $0.idle = .seconds(1)
            $0.bytesPerSecond = 1 << 30
        } _: { port in
            let peer = try TestPeer.connect(port: port, receiveBuffer: 4096)
            try await peer.send(Self.request(bytes: Self.large))
            _ = try await peer.receive(count: 1)
            try await Self.waitUntilCutOff(peer)
        }
    }

    @Test("a connection without a request, with a piece of a head, or behind its answer, ends when it was idle for long enough")
    func idle() async throws {
        try await Self.serve {
            $0.idle = .seconds(1)
        } _: { port in
            let (silent, piece, served) = (try TestPeer.connect(port: port), try TestPeer.connect(port: port), try TestPeer.connect(port: port))
            try await piece.send("GET / HTTP/1.1\r\nHos")
            try await served.send(Self.get)
            #expect(try await served.receiveToEnd().hasSuffix("aa"))
            #expect(try await silent.receiveToEnd().isEmpty)
            #expect(try await piece.receiveToEnd().isEmpty)
        }
    }

    @Test("a body that does not come is not waited for without end")
    func missingBody() async throws {
        try await Self.serve({ $0.body = .milliseconds(50) }, responder: Self.echo) { port in
            let peer = try TestPeer.connect(port: port)
            try await peer.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{")
            #expect(try await peer.receiveToEnd().hasPrefix("HTTP/1.1 408 "))
        }
    }

    @Test("blanks beside the length of a body are none of it", arguments: ["2 ", "2   ", " \t2"])
    func blanks(length: String) async throws {
        try await Self.serve(responder: Self.echo) { port in
            let peer = try TestPeer.connect(port: port)
            for _ in 0..<2 {
                try await peer.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length:\(length)\r\n\r\n{}")
                #expect(try await peer.receiveMessage().hasSuffix("\r\n\r\n{}"))
            }
        }
    }

    @Test("what comes later, behind what was no HTTP, keeps nobody from reading the answers")
    func behindMistake() async throws {
        try await Self.serve {
            $0.closing = .seconds(60)
        } _: { port in
            let peer = try TestPeer.connect(port: port)
            try await peer.send("\u{1}\u{2}\r\n\r\n")
            #expect(try await peer.receive(until: "\r\n\r\n").hasPrefix("HTTP/1.1 400 "))
            for _ in 0..<20 { try await peer.send(String(repeating: "x", count: 10_000)) }
            #expect(try await peer.receiveToEnd().isEmpty)
            let busy = try TestPeer.connect(port: port, receiveBuffer: 4096)
            try await busy.send(Self.request(bytes: Self.large))
            let begun = try await busy.receive(count: 1).count
            try await busy.send("\u{1}\u{2}\r\n\r\n")
            for _ in 0..<20 { try await busy.send(String(repeating: "x", count: 10_000)) }
            #expect(try await begun + busy.countToEnd() > Self.large)
        }
    }

    @Test("a client that is gone without a word is asked for by TCP, and given up, as at the proxies")
    func gone() async throws {
        try await Self.serve { port in
            let peer = try TestPeer.connect(port: port)
            try await peer.send(Self.get)
            _ = try await peer.receiveMessage()
            let socket = try #require(Self.accepted(at: port))
            func option(_ level: CInt, _ name: CInt) -> CInt {
                var (value, size) = (CInt(-1), socklen_t(MemoryLayout<CInt>.size))
                getsockopt(socket, level, name, &value, &size)
                return value
            }
            #expect(option(SOL_SOCKET, SO_KEEPALIVE) == 1)
            let options = [TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT, TCP_USER_TIMEOUT].map { option(CInt(IPPROTO_TCP), $0) }
            // Seconds and a number; milliseconds, while something sent is not acknowledged.
            #expect(options == [60, 12, 4, 108_000])
            withExtendedLifetime(peer) {}
        }
    }

    /// The descriptor of a connection that this process has taken at a port.
    private static func accepted(at port: UInt16) -> CInt? {
        (CInt(3)..<4096).first { descriptor in
            var (address, size) = (sockaddr_in(), socklen_t(MemoryLayout<sockaddr_in>.size))
            let isHere = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
            }
            guard isHere == 0, address.sin_family == sa_family_t(AF_INET), UInt16(bigEndian: address.sin_port) == port else { return false }
            var peerSize = socklen_t(MemoryLayout<sockaddr_in>.size)
            return withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(descriptor, $0, &peerSize) }
            } == 0
        }
    }
}
