import ACME
import Foundation
import NATS
import PlaneProtocol
import PlaneTestSupport
import Testing

@testable import CertificateCore

@Suite("Seal of a shared certificate") struct CertificateSealerTests {
    static let cluster = ClusterName(rawValue: "plane.test")!

    static func sealer(_ secret: String = "0123456789abcdef0123456789abcdef", _ cluster: ClusterName = Self.cluster) -> CertificateSealer {
        CertificateSealer(secret: Secret(secret), cluster: cluster)
    }

    @Test("what was sealed opens again, and shows nothing of what is in it")
    func roundTrip() throws {
        let pair = try Pairs.make()
        let sealed = try Self.sealer().seal(pair)
        let opened = try Self.sealer().open(sealed)
        #expect(opened.chain.pem == pair.chain.pem && opened.key.pem == pair.key.pem)
        let text = String(decoding: sealed, as: UTF8.self)
        #expect(!text.contains("PRIVATE") && !text.contains("CERTIFICATE"))
        #expect(try Self.sealer().seal(pair) != sealed)
        #expect(!"\(Self.sealer())".contains("0123"))
    }

    @Test("another secret, another cluster, or any changed or missing byte opens nothing")
    func broken() throws {
        let sealed = try Self.sealer().seal(try Pairs.make())
        #expect(throws: CertificateSealer.Broken.self) { try Self.sealer("another secret of the right length").open(sealed) }
        #expect(throws: CertificateSealer.Broken.self) { try Self.sealer(Self.cluster.rawValue, ClusterName(rawValue: "other.test")!).open(sealed) }
        for index in stride(from: 0, to: sealed.count, by: 17) {
            var changed = sealed
            changed[index] ^= 1
            #expect(throws: CertificateSealer.Broken.self) { try Self.sealer().open(changed) }
            #expect(throws: CertificateSealer.Broken.self) { try Self.sealer().open(Array(sealed[..<index])) }
        }
    }
}

@Suite("Lease of a certificate's order") struct CertificateLeaseTests {
    private let now = Pairs.now
    private var seconds: Double { self.now.timeIntervalSince1970 }

    @Test("keeps others away while it is renewed, the holder never, and nobody when it ended long ago by any clock")
    func orders() {
        let lease = CertificateLease(holder: "a", until: self.seconds + 60)
        func turn(of process: String, isAlive: Bool = true, after seconds: TimeInterval = 0) -> OrderPermission {
            lease.turn(of: process, isAlive: isAlive, isUrgent: false, at: self.now.addingTimeInterval(seconds))
        }
        #expect(turn(of: "b") == .othersOrder)
        #expect(turn(of: "a") == .ours)
        // A clock that is fast by less than two minutes does not take it from who renews it, nor does one that is slow by any time.
        #expect(turn(of: "b", after: 60 + 119) == .othersOrder)
        #expect(turn(of: "b", after: -3600) == .othersOrder)
        #expect(turn(of: "b", isAlive: false) == .ours)
        #expect(turn(of: "b", after: 60 + 120) == .ours)
        #expect(CertificateLease(holder: "a", until: 0).turn(of: "b", isAlive: true, isUrgent: false, at: self.now) == .ours)
        // Whatever time it claims, it has to be renewed.
        let endless = CertificateLease(holder: "a", until: .infinity)
        #expect(endless.turn(of: "b", isAlive: false, isUrgent: false, at: self.now) == .ours)
        #expect(CertificateLease.read(Array("rubbish".utf8)) == nil)
    }

    @Test("a failure keeps everybody away until its time; who is in a hurry for five minutes")
    func failure() {
        let until = self.now.addingTimeInterval(3600)
        let lease = CertificateLease(holder: "a", until: until.timeIntervalSince1970, failedAt: self.seconds)
        let later = self.now.addingTimeInterval(CertificateLease.recent)
        for process in ["a", "b"] {
            #expect(lease.turn(of: process, isAlive: false, isUrgent: false, at: later) == .afterFailure(until: until))
            #expect(lease.turn(of: process, isAlive: false, isUrgent: true, at: self.now) == .afterFailure(until: until))
            #expect(lease.turn(of: process, isAlive: false, isUrgent: true, at: later) == .ours)
            #expect(lease.turn(of: process, isAlive: false, isUrgent: false, at: until) == .ours)
        }
    }
}

/// With the programs, on a real nats-server and a real authority.
@Suite("Drones of one cluster", .enabled(if: PebbleServer.isInstalled, "needs Debian's package pebble"))
struct SharedCertificateTests {
    @Test("C4: share one certificate: one orders, the others take it over, and NATS never sees the key")
    func share() async throws {
        let site = try await CertRefresherProgramTests.Site.start()
        let drones = ["a", "b", "c"]
        let refreshers = try drones.map { try site.refresher(drone: $0, secret: "0123456789abcdef0123456789abcdef") }
        try await eventually("each drone has a certificate", within: .seconds(150)) { try drones.allSatisfy { try site.pair(drone: $0) != nil } }
        let pairs = try drones.map { try site.pair(drone: $0)?.chain.pem }
        #expect(Set(pairs).count == 1)
        let logs = refreshers.map { $0.log.joined(separator: "\n") }
        #expect(logs.count { $0.contains("ordering a certificate") } == 1, "\(logs.joined(separator: "\n---\n"))")
        let connection = try await NATSConnection.connect(
            site.nats.options("operator", inboxPrefix: "cli.inbox"), logger: LogRecorder().logger)
        let stored = try #require(
            try await connection.jetStream.lastMessage(stream: SharedStream.stream, subject: "certificate.cluster.plane_test.pair"))
        #expect(!String(decoding: stored.payload, as: UTF8.self).contains("PRIVATE"))
        await connection.drain(timeout: .seconds(1))
        for refresher in refreshers { #expect(await refresher.stop(.terminate) == 0) }
        await site.stop()
    }
}
