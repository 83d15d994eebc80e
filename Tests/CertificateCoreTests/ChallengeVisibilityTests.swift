import ACME
import DNSCore
import Logging
import NetworkAddresses
import NIOCore
import NIOPosix
import PlaneProtocol
import PlaneService
import PlaneTestSupport
import Testing

@testable import CertificateCore

/// With name servers in the test process, asked over loopback.
@Suite("C5: a challenge is visible before the authority is told to look") struct ChallengeVisibilityTests {
    static let record = ChallengeRecord(domain: "plane.test", value: "the value")

    /// A name server with a zone `plane.test`.
    struct Server {
        let zones: SharedZones
        let server: DNSServer<SharedZones>
        let endpoint: SocketEndpoint

        /// - Parameter port: 0 for a free one.
        static func start(texts: [String] = [], port: UInt16 = 0) async throws -> Server {
            let origin = DNSName("plane.test")!
            var generator = SystemRandomNumberGenerator()
            var table = ZoneTable(using: &generator)
            let authority = StartOfAuthority(
                primary: origin, mailbox: origin, serial: 0, refresh: 1, retry: 1, expire: 1, minimum: 1)
            table.add(Zone(origin: origin, authority: authority, timeToLive: 1), fixed: [(origin.child("_acme-challenge")!, .empty)])
            let zones = SharedZones(table)
            let server = DNSServer(
                source: zones, configuration: .init(address: try SocketAddress(ipAddress: "127.0.0.1", port: Int(port))), group: .singleton)
            let address = try await server.start()
            let started = Server(
                zones: zones, server: server, endpoint: SocketEndpoint(ip: .v4(0x7F00_0001), port: UInt16(address.port ?? 0)))
            started.show(texts)
            return started
        }

        func show(_ texts: [String]) {
            self.zones.update {
                $0.replaceFixed(
                    DNSName("_acme-challenge.plane.test")!, RecordSet(texts.map { .txt(Array($0.utf8)) }, timeToLive: 1))
            }
        }
    }

    static func visibility(_ servers: [Server], limit: Duration = .seconds(30), log: LogRecorder = LogRecorder()) -> ChallengeVisibility {
        var options = ChallengeVisibility.Options()
        options.servers = servers.map(\.endpoint)
        options.limit = limit
        return ChallengeVisibility(options, logger: log.logger)
    }

    @Test("it waits for the last of the name servers")
    func waits() async throws {
        let first = try await Server.start(texts: ["other", "the value"])
        let second = try await Server.start(texts: ["other"])
        async let seen: Void = Self.visibility([first, second]).wait(for: Self.record)
        try await eventually("the second was asked, and did not have it") { second.server.counters.snapshot.udpQuestions > 1 }
        second.show(["other", "the value"])
        try await seen
        await first.server.stop()
        await second.server.stop()
    }

    @Test("a name server that does not get the value is named, and the authority is not told to look")
    func lacking() async throws {
        let good = try await Server.start(texts: ["the value"])
        let stale = try await Server.start(texts: ["old"])
        let error = try await #require(throws: ChallengeVisibility.NotVisible.self) {
            try await Self.visibility([good, stale], limit: .seconds(2)).wait(for: Self.record)
        }
        #expect(error.description.contains("\(stale.endpoint)") && !error.description.contains("\(good.endpoint)"))
        await good.server.stop()
        await stale.server.stop()
    }

    @Test("while no name server is there, the authority is not told to look; one that comes back in time is enough")
    func down() async throws {
        let port = try freeLoopbackPort()
        var options = ChallengeVisibility.Options()
        options.servers = [SocketEndpoint(ip: .v4(0x7F00_0001), port: port)]
        options.limit = .milliseconds(600)
        let error = try await #require(throws: ChallengeVisibility.NotVisible.self) {
            try await ChallengeVisibility(options, logger: LogRecorder().logger).wait(for: Self.record)
        }
        #expect(error.description.contains("127.0.0.1:\(port) (no answer)"))
        options.limit = .seconds(60)
        let patient = ChallengeVisibility(options, logger: LogRecorder().logger)
        async let seen: Void = patient.wait(for: Self.record)
        let server = try await Server.start(texts: ["the value"], port: port)
        try await seen
        await server.server.stop()
    }

    @Test("ten long values do not fit into a datagram; they are seen over TCP")
    func truncated() async throws {
        let values = (0..<10).map { String(repeating: "\($0)", count: 200) }
        let server = try await Server.start(texts: values + ["the value"])
        try await Self.visibility([server]).wait(for: Self.record)
        #expect(server.server.counters.snapshot.tcpQuestions == 1)
        await server.server.stop()
    }

    @Test("with a limit of zero nobody is asked")
    func off() async throws {
        let server = try await Server.start()
        try await Self.visibility([server], limit: .zero).wait(for: Self.record)
        #expect(server.server.counters.snapshot.udpQuestions == 0)
        await server.server.stop()
    }

    /// Knows only the zone, and no name server of it, as an internal resolver may.
    private static func withResolver(_ texts: [String], log: LogRecorder, limit: Duration) async throws {
        let resolver = try await Server.start(texts: texts)
        var options = ChallengeVisibility.Options()
        options.resolvers = [resolver.endpoint]
        options.limit = limit
        let visibility = ChallengeVisibility(options, logger: log.logger)
        try await visibility.wait(for: Self.record)
        try await visibility.wait(for: Self.record)
        await resolver.server.stop()
    }

    @Test("where only resolvers can be asked and they do not know the value, the order goes on after the limit, and the operator is told once")
    func resolversOnly() async throws {
        let log = LogRecorder()
        try await Self.withResolver(["old"], log: log, limit: .seconds(1))
        let warnings = log.entries.filter { $0.level == .warning }
        #expect(warnings.count == 1)
        #expect(warnings.first?.metadata.description.contains("acme.dns_servers") == true)
    }

    @Test("a resolver that has the value is believed at once")
    func resolverKnows() async throws {
        let log = LogRecorder()
        try await Self.withResolver(["the value"], log: log, limit: .seconds(3600))
        #expect(log.entries.isEmpty)
    }

    @Test("resolvers that are down do not keep it from ordering either")
    func resolversDown() async throws {
        let log = LogRecorder()
        var options = ChallengeVisibility.Options()
        options.resolvers = [SocketEndpoint(ip: .v4(0x7F00_0001), port: try freeLoopbackPort())]
        options.limit = .seconds(1)
        try await ChallengeVisibility(options, logger: log.logger).wait(for: Self.record)
        #expect(log.text.contains("acme.propagation_timeout_secs = 0"))
    }
}
