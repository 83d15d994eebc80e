import PlaneClientTestSupport
import PlaneProtocol
import PlaneState
import Testing

@testable import PlaneClient

@Suite("Which backends are wanted, and what is new of them") struct BackendSelectionTests {
    private static let now = StateTime(milliseconds: 1_700_000_100_000)

    private func fleet(_ backends: [(id: String, state: BackendState, drone: String, secondsAgo: Int64, lock: String?)]) throws -> FleetState {
        var fleet = FleetState()
        var sequence: UInt64 = 0
        for backend in backends { try self.apply(backend.id, backend.state, backend.drone, backend.secondsAgo, backend.lock, to: &fleet, &sequence) }
        return fleet
    }

    private func apply(
        _ id: String, _ state: BackendState, _ drone: String = "drone-a", _ secondsAgo: Int64 = 0, _ lock: String? = nil,
        to fleet: inout FleetState, _ sequence: inout UInt64
    ) throws {
        let lock = lock.flatMap(LockName.init(rawValue:)).map { LockAssignment(lock: $0, uid: LockUID(rawValue: 1)) }
        let changes: [BackendMessage.Change] = [
            .assignment(BackendAssignment(drone: try .make(drone), lockAssignment: lock)),
            .state(state, at: StateTime(milliseconds: Self.now.rawValue - secondsAgo * 1000)),
        ]
        for change in changes {
            sequence += 1
            fleet.apply(
                .cluster(try .make("plane.test"), .backend(BackendMessage(backend: try .make(id), change: change))), sequence: sequence,
                published: WireTime(Self.now))
        }
    }

    private func selected(_ change: (inout BackendSelection) throws -> Void) throws -> [String] {
        let fleet = try self.fleet([
            ("b1", .ready, "drone-a", 0, nil), ("b2", .starting, "drone-b", 0, "doc"), ("b3", .failed, "drone-a", 90, nil),
            ("b4", .ready, "drone-a", 90, nil),
        ])
        var selection = BackendSelection()
        try change(&selection)
        return selection.lists(of: fleet, now: Self.now).flatMap(\.backends).map(\.id.rawValue).sorted()
    }

    @Test("each condition narrows the list; ended ones are there only for who wants them")
    func narrows() throws {
        #expect(try self.selected { _ in } == ["b1", "b2", "b4"])
        #expect(try self.selected { $0.includesEnded = true } == ["b1", "b2", "b3", "b4"])
        #expect(try self.selected { $0.drone = try .make("drone-b") } == ["b2"])
        #expect(try self.selected { $0.states = [.failed, .starting] } == ["b2", "b3"])
        #expect(try self.selected { $0.lock = LockName(rawValue: "doc") } == ["b2"])
        #expect(try self.selected { $0.minimumAge = .seconds(60) } == ["b4"])
        #expect(try self.selected { $0.cluster = try .make("other.test") } == [])
    }

    @Test("a watch tells what there is, then each change once, and that a backend has left the selection")
    func watch() throws {
        var fleet = FleetState()
        var sequence: UInt64 = 0
        var watch = BackendWatch(BackendSelection())
        try self.apply("b1", .starting, to: &fleet, &sequence)
        try self.apply("b2", .swept, to: &fleet, &sequence)
        let first = watch.changes(in: fleet, now: Self.now)
        #expect(first.map(\.backend.id.rawValue) == ["b1"])
        #expect(watch.changes(in: fleet, now: Self.now).isEmpty)
        try self.apply("b1", .ready, to: &fleet, &sequence)
        #expect(watch.changes(in: fleet, now: Self.now).map(\.backend.state) == [.ready])
        try self.apply("b1", .exited, to: &fleet, &sequence)
        #expect(watch.changes(in: fleet, now: Self.now).map(\.backend.state) == [.exited])
        #expect(watch.changes(in: fleet, now: Self.now).isEmpty)
    }

    @Test("what has ended long enough ago may be forgotten, what is ready never")
    func cleanup() throws {
        let fleet = try self.fleet([
            ("b1", .ready, "drone-a", 9000, nil), ("b2", .swept, "drone-a", 9000, nil), ("b3", .failed, "drone-a", 10, nil),
            ("b4", .loading, "drone-a", 9000, nil),
        ])
        let plan = CleanupPlan(fleet: fleet, cluster: nil, olderThan: .seconds(3600), includeMissingState: false, now: Self.now)
        #expect(plan.items.map(\.backend.rawValue) == ["b2", "b4"])
        #expect(plan.items.map(\.reason) == [.ended, .abandoned])
    }
}
