import Foundation
import PlaneProtocol
import PlaneTestSupport
import Testing

@testable import DroneStore

@Suite struct BackendTableTests {
    @Test("an admitted backend is there at once, Loading, with its spec, and its report is queued")
    func admit() async throws {
        let fixture = try StoreFixture()
        let store = try fixture.open()
        let request = try SpawnRequest.make("b-1", token: "secret")
        #expect(try await store.admit(request, acceptedAt: 17, report: Array("{}".utf8)) == .admitted)
        let record = try #require(try await store.backend(.make("b-1")))
        #expect(record.spec == request)
        #expect(record.state == .loading)
        #expect(record.acceptedAt == 17)
        #expect(try await store.oldestReports(limit: 9).map(\.backend) == ["b-1"])
    }

    @Test("the same request again is recognised, in any state, and changes nothing")
    func repeated() async throws {
        let store = try StoreFixture().open()
        let request = try SpawnRequest.make()
        #expect(try await store.admit(request, acceptedAt: 1, report: []) == .admitted)
        #expect(try await store.admit(request, acceptedAt: 2, report: []) == .repeated)
        #expect(try await store.record(.make("b-1", .failed)))
        #expect(try await store.admit(request, acceptedAt: 3, report: []) == .repeated)
        #expect(try await store.backend(.make())?.acceptedAt == 1)
    }

    @Test("A9: another request for a known id is refused and leaves the first one alone", arguments: [false, true])
    func nameTaken(ended: Bool) async throws {
        let store = try StoreFixture().open()
        try await store.enter("b-1", .ready)
        if ended { #expect(try await store.record(.make("b-1", .exited))) }
        let other = try SpawnRequest.make("b-1", image: "other")
        #expect(try await store.admit(other, acceptedAt: 2, report: []) == .nameTaken)
        #expect(try await store.backend(.make())?.state == (ended ? .exited : .ready))
    }

    @Test("a full drone takes nothing new, and still knows what it took")
    func room() async throws {
        let store = try StoreFixture().open()
        #expect(try await store.admit(.make("a"), acceptedAt: 1, room: 1, report: []) == .admitted)
        #expect(try await store.admit(.make("b"), acceptedAt: 1, room: 1, report: []) == .noRoom)
        #expect(try await store.admit(.make("a"), acceptedAt: 1, room: 1, report: []) == .repeated)
        #expect(try await store.record(.make("a", .exited)))
        #expect(try await store.admit(.make("b"), acceptedAt: 1, room: 1, report: []) == .admitted)
        #expect(try await store.admit(.make("c"), acceptedAt: 1, room: 0, report: []) == .noRoom)
    }

    @Test("the latest requests are told whatever has become of them, without secrets, and without rows that cannot be read")
    func requests() async throws {
        let fixture = try StoreFixture()
        let store = try fixture.open()
        for (index, name) in ["a", "b", "c", "d"].enumerated() {
            #expect(try await store.admit(.make(name, token: "secret"), acceptedAt: Int64(index), report: []) == .admitted)
        }
        #expect(try await store.record(.make("c", .exited)))
        try fixture.execute("UPDATE backend SET spec = '{}' WHERE name = 'd'")
        let requests = try await store.requests(since: 1, limit: 10)
        #expect(requests.map(\.backendID) == [try .make("c"), try .make("b")])
        #expect(requests.map(\.bearerToken) == [nil, "secret"])
        #expect(try await store.requests(since: 0, limit: 2).map(\.backendID) == [try .make("c")], "a row that cannot be read takes its place")
        #expect(try await store.requests(since: 4, limit: 2).isEmpty)
    }

    @Test("an end is final", arguments: BackendState.allCases)
    func endIsFinal(next: BackendState) async throws {
        let store = try StoreFixture().open()
        try await store.enter("b-1", .swept)
        let reports = try await store.waitingReportCount()
        #expect(try await store.record(.make("b-1", next)) == false)
        #expect(try await store.backend(.make())?.state == .swept)
        #expect(try await store.waitingReportCount() == reports)
    }

    @Test("an exit code is kept, even one outside 16 bits")
    func exitCode() async throws {
        let fixture = try StoreFixture()
        let store = try fixture.open()
        try await store.enter("b-1")
        #expect(try await store.record(BackendTransition(.make(), to: .failed, at: 5, exitCode: 3_221_225_477)))
        #expect(try await store.backend(.make())?.exitCode == 3_221_225_477)
    }

    @Test("a route with the address of an earlier container replaces that one's")
    func addressReused() async throws {
        let store = try StoreFixture().open()
        try await store.enter("old", .ready)
        #expect(try await store.record(.make("old", .exited)))
        try await store.enter("new", .ready)
        #expect(try store.route("new")?.address == "10.0.0.1:8080")
        #expect(try store.route("old")?.address == nil)
    }

    @Test("details of a backend that does not exist are dropped, not invented")
    func detailsOfNobody() async throws {
        let store = try StoreFixture().open()
        try await store.setLogCursors([.make("nobody"): WireTime(seconds: 1)])
        #expect(try await store.allBackends().backends.isEmpty)
    }

    @Test("the log position is remembered to the nanosecond, also for backends the reference started")
    func logCursor() async throws {
        let fixture = try StoreFixture()
        try fixture.makeReferenceFile()
        let store = try fixture.open()
        let time = WireTime(seconds: 1_710_148_531, nanoseconds: 100_000_001)
        try await store.setLogCursors([.make("running"): time])
        #expect(try await store.backend(.make("running"))?.logCursor == time)
        #expect(try await store.backend(.make("swept"))?.logCursor == nil)
    }

    @Test("times no column can hold are moved to the nearest that it can", arguments: [WireTime(seconds: .min), WireTime(seconds: .max)])
    func extremeTimes(time: WireTime) {
        let kept = WireTime(unixNanoseconds: time.unixNanoseconds)
        #expect(WireTime(unixNanoseconds: kept.unixNanoseconds) == kept)
        #expect((kept < WireTime(seconds: 0)) == (time < WireTime(seconds: 0)))
    }

    @Test("a drone without a name keeps the one it made up")
    func droneID() async throws {
        let fixture = try StoreFixture()
        let first = try #require(DroneID(rawValue: "first"))
        let second = try #require(DroneID(rawValue: "second"))
        #expect(try await fixture.open().droneID(orStore: first) == first)
        #expect(try await fixture.open().droneID(orStore: second) == first)
    }

    @Test("live backends are those Loading, Starting and Ready")
    func liveCount() async throws {
        let store = try StoreFixture().open()
        for (index, state) in BackendState.allCases.enumerated() {
            try await store.enter("b-\(index)", state, address: "10.0.0.\(index):8080")
        }
        #expect(try await store.liveCount() == 3)
    }

    @Test("the drain setting survives reopening")
    func draining() async throws {
        let fixture = try StoreFixture()
        #expect(try await fixture.open().isDraining() == false)
        try await fixture.open().setDraining(true)
        #expect(try await fixture.open().isDraining())
        try await fixture.open().setDraining(false)
        #expect(try await fixture.open().isDraining() == false)
    }
}

@Suite struct ForgettingTests {
    @Test("what ended long ago is deleted with its route once its reports are delivered")
    func forget() async throws {
        let store = try StoreFixture().open()
        try await store.enter("old", .ready, at: 100)
        #expect(try await store.record(.make("old", .exited, at: 200)))
        try await store.enter("new", .exited, at: 900)
        try await store.enter("living", .ready, at: 1)
        #expect(try await store.forgetEnded(before: 500, now: 1000) == 0)
        while let report = try await store.oldestReports(limit: 1).first { try await store.removeReport(report.id) }
        #expect(try await store.forgetEnded(before: 500, now: 1000) == 1)
        #expect(try await Set(store.allBackends().backends.map(\.id.rawValue)) == ["new", "living"])
        #expect(try store.route("old") == nil)
    }

    @Test("A3: what the reference left behind goes too, counted from our first look")
    func forgetReferenceRows() async throws {
        let fixture = try StoreFixture()
        try fixture.makeReferenceFile()
        let store = try fixture.open()
        #expect(try await store.forgetEnded(before: 900, now: 1000) == 0)
        #expect(try await store.forgetEnded(before: 1001, now: 2000) == 1)
        #expect(try await store.allBackends().backends.map(\.id.rawValue) == ["running"])
        #expect(try await store.allBackends().unreadable.count == 2)
    }

    @Test("a file of years is cleaned a piece at a time")
    func pieces() async throws {
        let store = try StoreFixture().open()
        for index in 0..<5 {
            let request = try SpawnRequest.make("b-\(index)")
            #expect(try await store.admit(request, acceptedAt: 1, report: []) == .admitted)
            #expect(try await store.record(BackendTransition(request.backendID, to: .lost, at: 1)))
        }
        while let report = try await store.oldestReports(limit: 1).first { try await store.removeReport(report.id) }
        #expect(try await store.forgetEnded(before: 10, now: 10, limit: 3) == 3)
        #expect(try await store.forgetEnded(before: 10, now: 10, limit: 3) == 2)
    }
}
