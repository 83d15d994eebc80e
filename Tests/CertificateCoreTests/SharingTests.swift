import ACME
import Foundation
import NATS
import PlaneProtocol
import PlaneTestSupport
import Testing

@testable import CertificateCore

@Suite("Seal of a shared certificate") struct PairSealTests {
    static let cluster = ClusterName(rawValue: "plane.test")!

    static func seal(_ secret: String = "0123456789abcdef0123456789abcdef", _ cluster: ClusterName = Self.cluster) -> PairSeal {
        PairSeal(secret: Secret(secret), cluster: cluster)
    }

    @Test("what was sealed opens again, and shows nothing of what is in it")
    func roundTrip() throws {
        let pair = try Pairs.make()
        let sealed = try Self.seal().seal(pair)
        let opened = try Self.seal().open(sealed)
        #expect(opened.chain.pem == pair.chain.pem && opened.key.pem == pair.key.pem)
        let text = String(decoding: sealed, as: UTF8.self)
        #expect(!text.contains("PRIVATE") && !text.contains("CERTIFICATE"))
        #expect(try Self.seal().seal(pair) != sealed)
        #expect(!"\(Self.seal())".contains("0123"))
    }

    @Test("another secret, another cluster, or any changed or missing byte opens nothing")
    func broken() throws {
        let sealed = try Self.seal().seal(try Pairs.make())
        #expect(throws: PairSeal.Broken.self) { try Self.seal("another secret of the right length").open(sealed) }
        #expect(throws: PairSeal.Broken.self) { try Self.seal(Self.cluster.rawValue, ClusterName(rawValue: "other.test")!).open(sealed) }
        for index in stride(from: 0, to: sealed.count, by: 17) {
            var changed = sealed
            changed[index] ^= 1
            #expect(throws: PairSeal.Broken.self) { try Self.seal().open(changed) }
            #expect(throws: PairSeal.Broken.self) { try Self.seal().open(Array(sealed[..<index])) }
        }
    }
}

@Suite("Lease of a certificate's order") struct CertificateLeaseTests {
    private let now = Pairs.now
    private var seconds: Double { self.now.timeIntervalSince1970 }

    @Test("keeps others away until its time, the holder never, and nobody when it cannot be meant")
    func times() {
        let lease = CertificateLease(holder: "a", until: self.seconds + 60)
        #expect(lease.turn(of: "b", isUrgent: true, at: self.now) == .othersOrder)
        #expect(lease.turn(of: "a", isUrgent: false, at: self.now) == .ours)
        #expect(lease.turn(of: "b", isUrgent: false, at: self.now.addingTimeInterval(60)) == .ours)
        #expect(CertificateLease(holder: "a", until: .infinity).turn(of: "b", isUrgent: false, at: self.now) == .ours)
        // Nobody orders for an hour: what says so would keep all from ordering.
        #expect(CertificateLease(holder: "a", until: self.seconds + 3600).turn(of: "b", isUrgent: false, at: self.now) == .ours)
        #expect(CertificateLease.read(Array("rubbish".utf8)) == nil)
    }

    @Test("a failure keeps everybody away until its time; who is in a hurry for five minutes")
    func failure() {
        let until = self.now.addingTimeInterval(3600)
        let lease = CertificateLease(holder: "a", until: until.timeIntervalSince1970, failedAt: self.seconds)
        let later = self.now.addingTimeInterval(CertificateLease.recent)
        for process in ["a", "b"] {
            #expect(lease.turn(of: process, isUrgent: false, at: later) == .afterFailure(until: until))
            #expect(lease.turn(of: process, isUrgent: true, at: self.now) == .afterFailure(until: until))
            #expect(lease.turn(of: process, isUrgent: true, at: later) == .ours)
            #expect(lease.turn(of: process, isUrgent: false, at: until) == .ours)
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
