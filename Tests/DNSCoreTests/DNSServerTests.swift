import DNSCore
import Foundation
import Glibc
import NIOCore
import NIOPosix
import PlaneTestSupport
import Testing

@Suite struct DNSServerTests {
    /// Whether there is ::1, which not every container has.
    private static let hasIPv6 = (try? String(contentsOfFile: "/proc/net/if_inet6", encoding: .utf8).contains("\(String(repeating: "0", count: 31))1 ")) == true

    /// Starts a server on a free port of 127.0.0.1, and stops it afterwards.
    static func withServer(
        threads: Int = 2, _ adjust: (inout DNSServerOptions) throws -> Void = { _ in },
        _ body: (DNSServer<SharedZones>, Int) async throws -> Void
    ) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
        var configuration = DNSServerOptions(address: try SocketAddress(ipAddress: "127.0.0.1", port: 0))
        // A busy machine takes longer for some questions than the server waits for the next one.
        configuration.idleTimeout = .minutes(10)
        try adjust(&configuration)
        let server = DNSServer(source: SharedZones(ZoneFixture.table()), configuration: configuration, group: group)
        do {
            let address = try await server.start()
            try await body(server, address.port ?? 0)
            await server.stop()
            try await group.shutdownGracefully()
        } catch {
            await server.stop()
            try await group.shutdownGracefully()
            throw error
        }
    }

    static func frame(_ message: DNSMessage) -> [UInt8] {
        var body = ByteBuffer()
        message.write(to: &body)
        return [UInt8(body.readableBytes >> 8), UInt8(body.readableBytes & 0xFF)] + Array(body.readableBytesView)
    }

    /// The messages in what a TCP server sent.
    static func messages(in data: Data) -> [DNSMessage] {
        var buffer = ByteBuffer(bytes: data)
        var messages: [DNSMessage] = []
        while let frame = buffer.readLengthPrefixedSlice(as: UInt16.self) {
            if let message = DNSMessage.read(frame) { messages.append(message) }
        }
        return messages
    }

    static func query(_ name: String, _ type: RecordType = .a, id: UInt16) throws -> DNSMessage {
        .query(try #require(DNSName(name)), type, id: id)
    }

    @Test("a thousand questions over UDP get a thousand answers, from every event loop")
    func datagrams() async throws {
        try await Self.withServer({ $0.answersPerSecond = 0 }) { server, port in
            for _ in 0..<20 {
                let client = try await DatagramClient(port: port)
                for id in UInt16(1)...50 {
                    try await client.send(try Self.query("four.plane.test", id: id))
                    let answer = try #require(try await client.receive())
                    #expect(answer.id == id)
                    #expect(answer.answers.map(\.data) == [ZoneFixture.v4])
                }
            }
            #expect(server.counters.snapshot.udpQuestions == 1000)
            #expect(server.counters.snapshot.answers[.noError] == 1000)
        }
    }

    @Test(
        "a server that listens on all addresses answers from the one it was asked at, over IPv4 and IPv6",
        arguments: [("0.0.0.0", ["127.0.0.1", "127.53.9.1"])] + (hasIPv6 ? [("::", ["127.53.9.1", "::1"])] : []))
    func manyAddresses(listening: String, asked: [String]) async throws {
        try await Self.withServer({ $0.address = try SocketAddress(ipAddress: listening, port: 0) }) { _, port in
            for host in asked {
                let client = try await DatagramClient(host: host, port: port)
                try await client.send(try Self.query("four.plane.test", id: 7))
                #expect(try await client.receive()?.answers.map(\.data) == [ZoneFixture.v4])
            }
        }
    }

    @Test("a stopped server leaves its port to the next one")
    func stop() async throws {
        // Not one of those that the kernel gives to whoever asks meanwhile.
        let taken = Int(try freeLoopbackPort())
        let address = try SocketAddress(ipAddress: "127.0.0.1", port: taken)
        try await Self.withServer({ $0.address = address }) { _, port in #expect(port == taken) }
        // A program that another test is just starting has copies of the sockets for a moment.
        try await eventually("the next one has it") {
            do {
                try await Self.withServer({ $0.address = address }) { _, port in
                    #expect(port == taken)
                    let client = try await DatagramClient(port: port)
                    try await client.send(try Self.query("four.plane.test", id: 1))
                    #expect(try await client.receive()?.id == 1)
                }
                return true
            } catch let error as IOError where error.errnoCode == EADDRINUSE {
                return false
            }
        }
    }

    @Test("a server that was sent rubbish and answers goes on answering questions")
    func rubbish() async throws {
        try await Self.withServer { server, port in
            let client = try await DatagramClient(port: port)
            try await client.send([])
            try await client.send([1, 2, 3])
            try await client.send([UInt8](repeating: 0xFF, count: 9000))
            try await client.send(try Self.query("four.plane.test", id: 5))
            #expect(try await client.receive()?.id == 5)
        }
    }

    @Test("questions sent in one piece over TCP are answered in their order")
    func pipelined() async throws {
        try await Self.withServer { _, port in
            let connection = try await LoopbackConnection(port: UInt16(port))
            let ids = Array(UInt16(1)...200)
            try await connection.send(Data(try ids.flatMap { Self.frame(try Self.query("four.plane.test", id: $0)) }))
            let data = try await connection.receive { Self.messages(in: $0).count == ids.count }
            #expect(Self.messages(in: data).map(\.id) == ids)
        }
    }

    @Test("a question that comes byte by byte is answered when it is whole")
    func byteByByte() async throws {
        try await Self.withServer { _, port in
            let connection = try await LoopbackConnection(port: UInt16(port))
            for byte in Self.frame(try Self.query("six.plane.test", .aaaa, id: 9)) { try await connection.send(Data([byte])) }
            let data = try await connection.receive { !Self.messages(in: $0).isEmpty }
            #expect(Self.messages(in: data).first?.answers.map(\.data) == [ZoneFixture.v6])
        }
    }

    @Test("a connection that asks nothing is closed, and one that has asked too", arguments: [false, true])
    func idle(hasAsked: Bool) async throws {
        try await Self.withServer({ $0.idleTimeout = .milliseconds(100) }) { _, port in
            // On a busy machine the time may be over before anything was asked: then another one asks.
            try await eventually("it is closed behind its answer, or without one") {
                let connection = try await LoopbackConnection(port: UInt16(port))
                if hasAsked { try? await connection.send(Data(Self.frame(try Self.query("four.plane.test", id: 1)))) }
                guard let received = try? await connection.receiveToEnd() else { return false }
                return Self.messages(in: received).count == (hasAsked ? 1 : 0)
            }
        }
    }

    @Test("a connection that announces more than a question, or sends an answer, is closed", arguments: [true, false])
    func oversized(isOversized: Bool) async throws {
        try await Self.withServer { server, port in
            let connection = try await LoopbackConnection(port: UInt16(port))
            var answer = try Self.query("four.plane.test", id: 1)
            answer.flags = .response
            try await connection.send(Data(isOversized ? [0xFF, 0xFF] : Self.frame(answer)))
            #expect(try await connection.receiveToEnd().isEmpty)
            #expect(server.counters.snapshot.ignored == 1)
        }
    }

    @Test("at its limit, a client's connection that was idle longest makes room for a new one (RFC 7766 §6.2.3)", arguments: [true, false])
    func connectionLimit(isOfOneClient: Bool) async throws {
        try await Self.withServer({
            if isOfOneClient { $0.maximumConnectionsPerClient = 2 } else { $0.maximumConnections = 2 }
        }) { server, port in
            let question = Data(Self.frame(try Self.query("four.plane.test", id: 1)))
            let ask = { (connection: LoopbackConnection) in
                try await connection.send(question)
                _ = try await connection.receive { !Self.messages(in: $0).isEmpty }
            }
            let first = try await LoopbackConnection(port: UInt16(port))
            try await ask(first)
            let second = try await LoopbackConnection(port: UInt16(port))
            try await ask(second)
            try await ask(first)
            let third = try await LoopbackConnection(port: UInt16(port))
            try await ask(third)
            #expect(try await second.receiveToEnd().isEmpty)
            try await ask(first)
            #expect(server.counters.snapshot.displacedConnections == 1)
        }
    }

    @Test("sixty connections of one resolver that it leaves idle do not keep it from a new one, nor others")
    func idleConnections() async throws {
        try await Self.withServer { server, port in
            var kept: [LoopbackConnection] = []
            for id in UInt16(1)...61 {
                let connection = try await LoopbackConnection(port: UInt16(port))
                try await connection.send(Data(Self.frame(try Self.query("four.plane.test", id: id))))
                let data = try await connection.receive { !Self.messages(in: $0).isEmpty }
                #expect(Self.messages(in: data).map(\.id) == [id])
                kept.append(connection)
            }
            #expect(
                server.counters.snapshot.displacedConnections == 61
                    - DNSServerOptions(address: try SocketAddress(ipAddress: "::1", port: 0)).maximumConnectionsPerClient)
        }
    }

    @Test("above the rate the client is sent to TCP")
    func rateLimit() async throws {
        try await Self.withServer(threads: 1, { $0.answersPerSecond = 5 }) { server, port in
            let client = try await DatagramClient(port: port)
            for id in UInt16(1)...40 { try await client.send(try Self.query("four.plane.test", id: id)) }
            var truncated: DNSMessage?
            while truncated == nil {
                let answer = try #require(try await client.receive())
                if answer.flags.contains(.truncated) { truncated = answer }
            }
            #expect(truncated?.answers.isEmpty == true)
            #expect(server.counters.snapshot.limited > 0)
        }
    }
}
