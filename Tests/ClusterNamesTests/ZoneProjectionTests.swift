import DNSCore
import NetworkAddresses
import PlaneProtocol
import Testing

@testable import ClusterNames

@Suite("Names of a cluster") struct ZoneProjectionTests {
    static let v4 = RecordData.a(0xCB00_7107)
    static let v6 = RecordData.aaaa(high: 0x2001_0DB8_0000_0000, low: 7)

    @Test("a backend has its drone's address, in whatever order the messages come")
    func address() {
        #expect(Zones(.make(), .register(), .assign()).data("one.plane.test") == [Self.v4])
        #expect(Zones(.make(), .assign(), .register()).data("one.plane.test") == [Self.v4])
        #expect(Zones(.make(), .assign()).data("one.plane.test") == [])
    }

    @Test("D2: a backend that has ended has no address", arguments: [BackendState.failed, .exited, .swept, .terminated, .lost, .timedOutBeforeReady])
    func ended(state: BackendState) {
        #expect(Zones(.make(), .register(), .assign(), .backend(state)).data("one.plane.test") == [])
        #expect(Zones(.make(), .register(), .backend(state), .assign()).data("one.plane.test") == [])
    }

    @Test("D2: the backends of a lost drone have no address, until it is back")
    func lostDrone() {
        var zones = Zones(.make(), .register(), .assign(), .drone(.lost))
        #expect(zones.data("one.plane.test") == [])
        zones.append(.drone(.ready))
        #expect(zones.data("one.plane.test") == [Self.v4])
    }

    @Test("D2: a drone that takes no new backends keeps the names of those it has", arguments: [DroneState.draining, .drained, .starting])
    func draining(state: DroneState) {
        #expect(Zones(.make(), .register(), .assign(), .drone(state)).data("one.plane.test") == [Self.v4])
    }

    @Test("a drone that registers with another address changes all its backends' answers")
    func moved() {
        var zones = Zones(.make(), .register(), .assign("one"), .assign("two"))
        zones.append(.register("drone-a", .v6))
        #expect(zones.data("one.plane.test") == [Self.v6])
        #expect(zones.data("two.plane.test") == [Self.v6])
    }

    @Test("D3: a drone with an IPv6 address gives AAAA records and no A records")
    func v6() {
        #expect(Zones(.make(), .register("drone-a", .v6), .assign()).data("one.plane.test") == [Self.v6])
    }

    @Test("D4: challenge texts stand at _acme-challenge of their cluster and nowhere else, several at once")
    func challenges() {
        var zones = Zones(.make(), .register(), .assign())
        zones.append(.cluster(.plane, .acme("a")))
        zones.append(.cluster(.plane, .acme("b")))
        zones.append(.cluster(ClusterName(rawValue: "other.test")!, .acme("c")))
        #expect(zones.data("_acme-challenge.plane.test") == [.txt(Array("a".utf8)), .txt(Array("b".utf8))])
        #expect(zones.data("_acme-challenge.other.test") == [.txt(Array("c".utf8))])
        #expect(zones.data("one.plane.test") == [Self.v4])
        #expect(zones.data("_acme-challenge.one.plane.test") == nil)
    }

    @Test("D5: a name that may come to be is there without records; one that never can be is not there; another's is refused")
    func absent() {
        let zones = Zones(.make(), .register())
        #expect(zones.data("later.plane.test") == [])
        #expect(zones.data("a.b.plane.test") == nil)
        guard case .impossible = zones.find("a.b.plane.test") else {
            Issue.record("a.b.plane.test can never be")
            return
        }
        guard case .outside = zones.find("plane.example") else {
            Issue.record("plane.example is not ours")
            return
        }
    }

    @Test("D6: clusters with capitals and with one label resolve", arguments: ["Plane.Test", "localhost", "a.b.c.d.example"])
    func clusterNames(name: String) throws {
        let cluster = try #require(ClusterName(rawValue: name))
        let zones = Zones(.make(), .register("drone-a", in: cluster), .assign("one", to: "drone-a", in: cluster))
        #expect(zones.data("one.\(name.lowercased())") == [Self.v4])
    }

    @Test("D6: the cluster itself has name servers, and a name server inside of it has its address")
    func apex() {
        let zones = Zones(.make(), .register())
        #expect(zones.data("plane.test") == [.ns(DNSName("ns1.plane.test")!)])
        #expect(zones.data("ns1.plane.test") == [Self.v4])
    }

    @Test("the cluster's own name leads to the tier where there is one, and the names of backends too where that is wanted")
    func proxies() {
        var settings = ZoneOptions.make()
        settings.proxies = [.v4(0xC000_0207), .v6(high: 0x2001_0DB8_0000_0000, low: 9)]
        let tier = [RecordData.a(0xC000_0207), .aaaa(high: 0x2001_0DB8_0000_0000, low: 9)]
        let beside = Zones(settings, .register(), .assign())
        #expect(tier.allSatisfy { beside.data("plane.test")?.contains($0) == true })
        #expect(beside.data("one.plane.test") == [Self.v4] && beside.data("two.plane.test") == [])
        settings.leadsToProxies = true
        let before = Zones(settings, .register(), .assign())
        #expect(before.data("one.plane.test") == tier && before.data("shop.plane.test") == tier)
        #expect(tier.allSatisfy { before.data("plane.test")?.contains($0) == true })
        #expect(before.data("a.shop.plane.test") == nil && before.data("_acme-challenge.plane.test") == [])
    }

    @Test("a backend that is called like a name server does not take its name")
    func reserved() {
        var zones = Zones(.make(), .register("drone-a", .v6))
        zones.append(.assign("ns1"))
        #expect(zones.data("ns1.plane.test") == [Self.v4])
        zones.append(.backend(.swept, "ns1"))
        #expect(zones.data("ns1.plane.test") == [Self.v4])
    }

    @Test("D7: that a name is not there may be remembered for five seconds, an address for a minute")
    func times() {
        let zones = Zones(.make(), .register(), .assign())
        guard case .records(let set, let zone, _) = zones.find("one.plane.test") else {
            Issue.record("there are no records")
            return
        }
        #expect(zone.authority.minimum == 5)
        #expect(set.timeToLive == 60)
    }

    @Test("the port in a cluster's name is no part of its names; clusters that differ by it share a zone and its challenges")
    func port() throws {
        let names = try ["localhost:8322", "localhost"].map { try #require(ClusterName(rawValue: $0)) }
        var zones = Zones(.make())
        for (cluster, backend) in zip(names, ["one", "two"]) {
            zones.append(.register("drone-a", in: cluster))
            zones.append(.assign(backend, in: cluster))
            zones.append(.cluster(cluster, .acme(backend)))
            #expect(zones.data("\(backend).localhost") == [Self.v4])
        }
        #expect(zones.table.zoneCount == 1)
        #expect(zones.data("_acme-challenge.localhost") == [.txt(Array("two".utf8)), .txt(Array("one".utf8))])
    }

    @Test("a cluster whose name is no domain name has no zone and does no harm", arguments: ["a:b", "a:8080.b"])
    func noDomain(name: String) throws {
        let cluster = try #require(ClusterName(rawValue: name))
        let zones = Zones(.make(), .register("drone-a", in: cluster), .assign("one", to: "drone-a", in: cluster))
        #expect(zones.data("one.plane.test") == nil)
    }

    @Test("a message that cannot be read does no harm")
    func unreadable() {
        var zones = Zones(.make(), .register(), .assign())
        zones.append(nil)
        zones.append(.heartbeat)
        #expect(zones.data("one.plane.test") == [Self.v4])
    }

    @Test("when the stream is made again, names stay while the drones write it anew, and those nobody writes go after five minutes")
    func madeAgain() {
        var zones = Zones(.make(), .register(), .assign("one"), .assign("two"), .register("drone-b"), .assign("three", to: "drone-b"))
        zones.beginAgain()
        zones.append(.heartbeat, at: 1000, incarnation: 1)
        for name in ["one", "two", "three"] { #expect(zones.data("\(name).plane.test") == [Self.v4]) }
        zones.append(.register("drone-a", .v6), at: 1001, incarnation: 1)
        zones.append(.assign("one"), at: 1001, incarnation: 1)
        #expect(zones.data("one.plane.test") == [Self.v6])
        zones.append(.heartbeat, at: 1299, incarnation: 1)
        #expect(zones.data("three.plane.test") == [Self.v4])
        zones.append(.heartbeat, at: 1300, incarnation: 1)
        #expect(zones.data("one.plane.test") == [Self.v6])
        #expect(zones.data("two.plane.test") == [])
        #expect(zones.data("three.plane.test") == [])
    }

    /// Of the SOA at the origin.
    private static func serial(_ zones: Zones, _ name: String = "plane.test") -> UInt32? {
        guard case .records(_, _, let serial) = zones.find(name) else { return nil }
        return serial
    }

    @Test("the serial rises with every change of the zone, and with no message that changes no zone, or another one")
    func serials() throws {
        var zones = Zones(.make(), .register())
        let empty = Self.serial(zones)
        zones.append(.assign())
        #expect(Self.serial(zones) == 2 && empty != 2)
        let other = ClusterName(rawValue: "other.test")!
        let keepAlive = DroneMessage(drone: .make(), change: .keepAlive(at: StateTime(milliseconds: 0)))
        let announcement = LockMessage(lock: LockName(rawValue: "doc")!, uid: LockUID(rawValue: 1), kind: .announce)
        for message in [
            .heartbeat, .backend(.loading), .backend(.starting), .backend(.ready), .cluster(.plane, .drone(keepAlive)), .cluster(.plane, .lock(announcement)),
            .cluster(.plane, .names(changedAt: 1)), .register("drone-a", in: other), .assign(in: other),
        ] as [StateMessage] { zones.append(message) }
        #expect(Self.serial(zones) == 2)
        #expect(Self.serial(zones, "other.test") == 11)
        for message in [.register("drone-a", .v6), .cluster(.plane, .acme("a")), .drone(.lost), .drone(.ready), .backend(.swept)] as [StateMessage] {
            let before = try #require(Self.serial(zones))
            zones.append(message)
            #expect(try #require(Self.serial(zones)) > before)
        }
        #expect(Self.serial(zones) == 16)
        #expect(Self.serial(zones, "other.test") == 11)
    }

    @Test("where the names of backends lead to the proxies, the serial is that of the last challenge alone")
    func serialOfProxies() {
        var settings = ZoneOptions.make()
        settings.leadsToProxies = true
        var zones = Zones(settings, .register(), .cluster(.plane, .acme("a")))
        for message in [.assign(), .register("drone-a", .v6), .backend(.swept)] as [StateMessage] { zones.append(message) }
        #expect(Self.serial(zones) == 2)
    }

    @Test("a server that has seen everything and one that starts now have the same serial, whatever the stream has kept")
    func serialsOfSurvivors() {
        let other = ClusterName(rawValue: "plane.test:8322")!
        let history: [StateMessage] = [
            .heartbeat, .register(), .assign(), .backend(.ready), .register(), .heartbeat, .drone(.lost), .drone(.ready), .drone(.draining), .drone(.ready),
            .register("drone-b", .v6), .assign("two", to: "drone-b"), .register("drone-b", .v4), .backend(.swept), .backend(.ready),
            .assign("three", in: other),
            .register("drone-a", in: other), .cluster(.plane, .acme("a")), .cluster(.plane, .acme("b")), .backend(.failed, "two"), .heartbeat,
            // The end of "two" is the newest change, and is deleted.
            .cluster(.plane, .names(changedAt: 20)),
        ]
        var all = Zones(.make())
        var kept: [String: (message: StateMessage, sequence: UInt64)] = [:]
        func expectSame(after sequence: UInt64) {
            var late = Zones(.make())
            for (message, place) in kept.values.sorted(by: { $0.sequence < $1.sequence }) { late.read(message, at: place) }
            #expect(Self.serial(late) == Self.serial(all), "after \(sequence)")
        }
        for (sequence, message) in zip(UInt64(1)..., history) {
            all.append(message)
            kept[message.subject] = (message, sequence)
            expectSame(after: sequence)
        }
        #expect(Self.serial(all) == 20)
        // As a scheduler deletes what ended long ago: the assignment first and the end last.
        for backend in ["one", "two"] {
            for (subject, _) in kept.filter({ $0.key.contains(".backend.\(backend).") }).sorted(by: { $0.value.sequence < $1.value.sequence }) {
                let sequence = kept.removeValue(forKey: subject)!.sequence
                all.delete(at: sequence)
                expectSame(after: sequence)
            }
        }
        #expect(Self.serial(all) == 20)
    }

    @Test("two servers have the same serial, whether or not they were told of the cluster before they heard of it")
    func sameSerials() {
        var generator = SystemRandomNumberGenerator()
        var table = ZoneTable(using: &generator)
        var projection = ZoneProjection(settings: .make())
        projection.open(.plane, in: &table)
        let first = Zones(.make(), .heartbeat, .register())
        for (sequence, message) in zip(UInt64(1)..., [StateMessage.heartbeat, .register()]) {
            projection.apply(message, sequence: sequence, published: WireTime(seconds: 1), incarnation: 0, to: &table)
        }
        let origin = DNSName("plane.test")!.wire
        guard case .records(_, _, let serial) = table.find(origin.span) else {
            Issue.record("there is no zone")
            return
        }
        #expect(serial == Self.serial(first))
    }

    @Test("a purged backend has no address any more")
    func purged() {
        var zones = Zones(.make(), .register(), .assign("one"), .assign("two"))
        zones.purge("one")
        #expect(zones.data("one.plane.test") == [])
        #expect(zones.data("two.plane.test") == [Self.v4])
    }

    @Test("a backend whose end was deleted is forgotten, and other messages that are deleted say nothing")
    func deleted() {
        // The fourth message is the end of the first backend.
        var zones = Zones(.make(), .register(), .assign("one"), .assign("two"), .backend(.swept, "one"))
        for sequence in 1...3 as ClosedRange<UInt64> { zones.delete(at: sequence) }
        zones.append(.assign("one"))
        #expect(zones.data("one.plane.test") == [])
        zones.delete(at: 4)
        zones.append(.assign("one"))
        #expect(zones.data("one.plane.test") == [Self.v4])
        #expect(zones.data("two.plane.test") == [Self.v4])
    }

    @Test("of a stream made again, however many names it had, all that nobody writes go")
    func manyMadeAgain() {
        var zones = Zones(.make(), .register())
        for index in 0..<1000 { zones.append(.assign("b\(index)")) }
        zones.beginAgain()
        zones.append(.heartbeat, at: 10_000, incarnation: 1)
        #expect(zones.table.nameCount > 1000)
        for step in 0..<6 { zones.append(.heartbeat, at: 10_300 + Int64(step), incarnation: 1) }
        #expect((0..<1000).allSatisfy { zones.data("b\($0).plane.test") == [] })
        #expect(zones.table.nameCount == 3)
    }
}

@Suite("Age of the answers") struct NameServerReportTests {
    @Test("is told once when they become old, and once when they are current again")
    func once() {
        var report = NameServerReport()
        #expect(report.observe(isCaughtUp: false, age: nil) == .none)
        #expect(report.observe(isCaughtUp: true, age: 0.5) == .none)
        #expect(report.observe(isCaughtUp: true, age: 11) == .becameOld)
        #expect(report.observe(isCaughtUp: true, age: 12) == .none)
        #expect(report.observe(isCaughtUp: true, age: 1) == .becameCurrent)
        #expect(report.observe(isCaughtUp: true, age: -3) == .none)
    }
}
