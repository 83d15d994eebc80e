import PlaneProtocol
import PlaneTestSupport
import Testing

@testable import DroneStore

@Suite struct EndingTests {
    private static let live = BackendState.allCases.filter { !$0.isTerminal }

    private func report(_ state: BackendState, _ record: BackendEndingRecord) -> [UInt8] {
        Array("\"\(state) ending\(record.ending.kind == .hard ? " hard" : "")\"".utf8)
    }

    @Test("an end that has begun is kept with its report, its route is gone, and the proxy sees what it will be", arguments: live)
    func begin(state: BackendState) async throws {
        let fixture = try StoreFixture()
        let store = try fixture.open()
        try await store.enter("b-1", state)
        let before = try store.routeChanges(since: nil).version
        let ending = BackendEndingRecord.make(requestedBy: "bob")
        #expect(try await store.beginEnding(of: .make(), ending, report: self.report) == ending)
        #expect(try store.routeChanges(since: before).names == ["b-1"], "the proxy looks again")
        #expect(try store.route("b-1") == RouteRecord(state: .terminated, address: nil, bearerToken: nil))
        #expect(try await fixture.open().backend(.make())?.ending == ending)
        #expect(try await fixture.open().backend(.make())?.state == state)
        #expect(try await fixture.open().liveCount() == 1)
        var reports: [String] = []
        while let report = try await store.oldestReports(limit: 1).first {
            reports.append(String(decoding: report.payload, as: UTF8.self))
            try await store.removeReport(report.id)
        }
        #expect(reports.last == "\"\(state) ending\"")
    }

    @Test("the first end stands, and is what the second asker is told")
    func first() async throws {
        let store = try StoreFixture().open()
        try await store.enter("b-1", .ready)
        let first = BackendEndingRecord.make(.swept)
        #expect(try await store.beginEnding(of: .make(), first, report: self.report) == first)
        let reports = try await store.waitingReportCount()
        #expect(try await store.beginEnding(of: .make(), .make(.terminated), report: self.report) == first)
        #expect(try await store.waitingReportCount() == reports)
    }

    @Test("a soft end becomes hard when that is asked for, for the same reason, and is reported again; a hard one stays")
    func hardAfterSoft() async throws {
        let fixture = try StoreFixture()
        let store = try fixture.open()
        try await store.enter("b-1", .ready)
        let first = BackendEndingRecord.make(.swept, requestedBy: "bob")
        _ = try await store.beginEnding(of: .make(), first, report: self.report)
        let reports = try await store.waitingReportCount()
        let asked = BackendEndingRecord(
            BackendEnding(.hard, .external, at: WireTime(seconds: 2000)), to: .terminated, cause: .requested, requestedBy: "carol")
        var expected = first
        expected.ending.kind = .hard
        expected.ending.time = WireTime(seconds: 2000)
        #expect(try await store.beginEnding(of: .make(), asked, report: self.report) == expected)
        #expect(try await fixture.open().backend(.make())?.ending == expected)
        #expect(try await store.waitingReportCount() == reports + 1)
        #expect(try await store.beginEnding(of: .make(), asked, report: self.report) == expected)
        #expect(try await store.beginEnding(of: .make(), .make(), report: self.report) == expected)
        #expect(try await store.waitingReportCount() == reports + 1)
    }

    @Test("of an ended backend, and of nobody, no end begins")
    func ended() async throws {
        let store = try StoreFixture().open()
        try await store.enter("b-1", .exited)
        #expect(try await store.beginEnding(of: .make(), .make(), report: self.report) == nil)
        #expect(try await store.beginEnding(of: .make("nobody"), .make(), report: self.report) == nil)
        #expect(try await store.backend(.make())?.ending == nil)
    }

    @Test("while it is being ended no route comes back and no other state but its end is taken")
    func nothingComesBack() async throws {
        let store = try StoreFixture().open()
        try await store.enter("b-1", .starting)
        _ = try await store.beginEnding(of: .make(), .make(), report: self.report)
        try await store.ensureRoute(of: .make(), BackendTransition.Route(address: "10.0.0.1:8080", bearerToken: nil), at: 1)
        #expect(try await store.record(.make("b-1", .ready)) == false)
        #expect(try store.route("b-1")?.address == nil)
        #expect(try await store.record(.make("b-1", .terminated)))
        #expect(try await store.backend(.make())?.state == .terminated)
    }

    @Test("the handle of a container is kept, through transitions that say nothing of it or know no id")
    func container() async throws {
        let fixture = try StoreFixture()
        let store = try fixture.open()
        try await store.enter("b-1")
        let handle = ContainerHandle(id: "c0ffee", name: "plane-b-1", labels: ["dev.plane.backend": "plane-b-1", "dev.plane.drone": "drone-a"])
        #expect(try await store.record(BackendTransition(.make(), to: .starting, at: 1, container: handle)))
        #expect(try await store.record(BackendTransition(.make(), to: .ready, at: 1)))
        #expect(try await store.record(BackendTransition(.make(), to: .ready, at: 1, container: ContainerHandle(of: .make()))))
        #expect(try await fixture.open().backend(.make())?.container == handle)
    }
}
