import Foundation
import NATS
import NetworkAddresses
import NIOCore
import NIOSSL
import PlaneClientTestSupport
import PlaneProtocol
import PlaneState
import PlaneTestSupport
import Testing

@testable import PlaneDoctor

@Suite struct DoctorReportTests {
    private static let now = StateTime(milliseconds: 1_700_000_000_000)

    private func report(_ change: (inout DoctorReport) throws -> Void = { _ in }) throws -> DoctorReport {
        var world = FleetState()
        let cluster = try ClusterName.make("plane.test")
        for (sequence, message) in [
            DroneMessage(drone: try .make("drone-a"), change: .metadata(DroneMetadata(ip: .v4(0x0A00_0001), version: "1"))),
            DroneMessage(drone: try .make("drone-a"), change: .state(.ready, at: Self.now)),
            DroneMessage(drone: try .make("drone-a"), change: .keepAlive(at: Self.now)),
        ].enumerated() {
            world.apply(.cluster(cluster, .drone(message)), sequence: UInt64(sequence + 1), published: WireTime(Self.now))
        }
        var report = DoctorReport(now: Self.now, world: world, sawHeartbeat: true)
        report.clockDifference = .milliseconds(3)
        try change(&report)
        return report
    }

    private func finding(_ check: String, _ change: (inout DoctorReport) throws -> Void) throws -> DoctorFinding {
        try #require(try self.report(change).findings.first { $0.check == check })
    }

    @Test("a system that is well has no bad finding")
    func well() throws {
        #expect(try self.report().findings.allSatisfy { $0.level == .good })
    }

    @Test("a drone whose firewall lets backends reach it is bad; of drones that are not asked to keep them away nothing is said")
    func isolation() throws {
        #expect(try self.report().findings.allSatisfy { $0.check != "isolation" })
        #expect(try self.finding("isolation") { $0.isolation = [try .make("drone-a"): true] }.level == .good)
        let open = try self.finding("isolation") { $0.isolation = [try .make("drone-a"): true, try .make("drone-b"): false] }
        #expect(open.level == .bad)
        #expect(open.text == "Backends reach what listens on their machine: drone-b.")
    }

    @Test("clocks that differ are told, with the direction")
    func clocks() throws {
        let behind = try self.finding("clocks") { $0.clockDifference = .seconds(-40) }
        #expect(behind.level == .bad)
        #expect(behind.text == "The clock of this machine is 40.0 s behind that of NATS.")
        let ahead = try self.finding("clocks") { $0.schedulerClockDifference = .seconds(5) }
        #expect(ahead.text.contains("5.0 s ahead of"))
    }

    @Test("a drone that is silent is a notice while others work, and bad when none does")
    func drones() throws {
        let late = try self.finding("drones") { $0.now = StateTime(milliseconds: Self.now.rawValue + 60_000) }
        #expect(late.level == .bad)
        #expect(late.text.contains("0 of 1"))
        #expect(try self.finding("drones") { $0.world = FleetState() }.text == "No drone has ever registered.")
    }

    @Test("a name that leads elsewhere, or nowhere, is bad")
    func names() throws {
        let lookup = { (found: [String]) in
            DoctorReport.NameLookup(host: "b1.plane.test", expected: .v4(0x0A00_0001), found: found)
        }
        #expect(try self.finding("dns") { $0.lookups = [lookup(["10.0.0.1"])] }.level == .good)
        #expect(try self.finding("dns") { $0.lookups = [lookup(["10.0.0.2"])] }.text.contains("is 10.0.0.2 here"))
        #expect(try self.finding("dns") { $0.lookups = [lookup([])] }.text.contains("has no address here"))
    }

    @Test("a resolver that does not know names under localhost is no mistake of the cluster; one that leads them elsewhere is")
    func localNames() throws {
        let lookup = { (found: [String]) in
            DoctorReport.NameLookup(host: "b1.plane.localhost", expected: .v4(0x7F00_0001), found: found)
        }
        let unknown = try self.finding("dns") { $0.lookups = [lookup([])] }
        #expect(unknown.level == .notice)
        #expect(unknown.text.contains("names under localhost"))
        #expect(unknown.advice?.contains("curl --resolve") == true)
        #expect(try self.finding("dns") { $0.lookups = [lookup(["127.0.0.1", "::1"])] }.level == .good)
        #expect(try self.finding("dns") { $0.lookups = [lookup(["10.0.0.2"])] }.level == .bad)
    }

    private func stream(_ configured: Int, cluster: String?) throws -> StreamInfo {
        let group = cluster.map { #","cluster":\#($0)"# } ?? ""
        let text = """
            {"config":{"name":"plane_state","num_replicas":\(configured)},"created":"2026-01-01T00:00:00Z",
            "state":{"messages":7,"bytes":70,"first_seq":1,"last_seq":7}\(group)}
            """
        return try JSONDecoder().decode(StreamInfo.self, from: Data(text.utf8))
    }

    @Test("a single server keeps one copy, whatever number of replicas it accepted")
    func copies() throws {
        let single = try self.stream(3, cluster: nil)
        #expect(try self.finding("streams") { $0.streams = [("plane_state", single)] }.text == "All there; 7 messages (70 bytes) in plane_state, one copy.")
        let whole = try self.stream(3, cluster: #"{"leader":"a","replicas":[{"name":"b"},{"name":"c"}]}"#)
        let finding = try self.finding("streams") { $0.streams = [("plane_state", whole)] }
        #expect(finding.level == .good)
        #expect(finding.text.contains("3 copies"))
        let short = try self.stream(3, cluster: #"{"leader":"a","replicas":[{"name":"b"},{"name":"c","offline":true}]}"#)
        #expect(try self.finding("streams") { $0.streams = [("plane_state", short)] }.level == .notice)
    }

    @Test("a certificate is good until shortly before its end", arguments: [(30, .good), (3, .bad), (-1, .bad)] as [(Int64, DoctorFinding.Level)])
    func certificate(days: Int64, level: DoctorFinding.Level) throws {
        let finding = try self.finding("certificate") {
            $0.handshakes = [
                .init(
                    host: "b1.plane.test", address: "10.0.0.1:443",
                    outcome: .certificate(notAfter: Self.now.rawValue / 1000 + days * 86_400))
            ]
        }
        #expect(finding.level == level)
    }

    @Test("a port where nothing listens, and one that does not speak TLS, are told in words")
    func noTLS() async throws {
        let words = { (port: UInt16) in
            let handshake = await CertificateProbe.handshake(with: .v4(0x7F00_0001), port: port, host: "b1.plane.test")
            return try self.finding("certificate") { $0.handshakes = [handshake] }.text
        }
        let free = try freeLoopbackPort()
        #expect(try await words(free) == "No TLS with 127.0.0.1:\(free): nothing listens there.")
        try await withNATSServer { server in
            let port = try #require(UInt16(server.url.split(separator: ":").last ?? ""))
            // Which of the two sides notices first differs from time to time.
            for _ in 0..<20 { #expect(try await words(port) == "No TLS with 127.0.0.1:\(port): what listens there does not speak TLS.") }
        }
    }

    @Test(
        "whatever went wrong, no error of a library is shown",
        arguments: [
            IOError(errnoCode: EHOSTUNREACH, reason: "connect"), IOError(errnoCode: EMFILE, reason: "socket"), ChannelError.eof,
            ChannelError.connectTimeout(.seconds(5)), NIOSSLError.uncleanShutdown, NIOSSLError.handshakeFailed(.syscallError), CancellationError(),
        ] as [any Error])
    func libraryErrors(error: any Error) {
        let words = HandshakeFailure.words(for: error)
        #expect(words.contains(" ") && !words.contains("(") && !words.contains("Error"), "\(words)")
    }
}
