import PlaneProtocol
import PlaneTestSupport
import Testing

@testable import DroneStore

/// The backend was last active in second 1000; times are Unix seconds.
@Suite struct IdleSweepTests {
    @Test(
        "A15, A28: its end begins once the limit has passed since the end of the last active second, otherwise told when to look again",
        arguments: [
            (now: 1000, limit: 10, expected: IdleVerdict.activeUntil(1011)),
            (now: 1010, limit: 10, expected: .activeUntil(1011)),
            (now: 1011, limit: 10, expected: .idle),
            (now: 5000, limit: 10, expected: .idle),
            (now: 900, limit: 10, expected: .activeUntil(1011)),  // the clock was set back
            (now: 1000, limit: 0, expected: .activeUntil(1001)),
            (now: 1001, limit: 0, expected: .idle),
            (now: 5000, limit: .max, expected: .activeUntil(.max)),
        ] as [(now: Int64, limit: UInt64, expected: IdleVerdict)])
    func verdicts(now: Int64, limit: UInt64, expected: IdleVerdict) async throws {
        let store = try StoreFixture().open()
        try await store.enter("b-1", .ready, at: 1000)
        #expect(try await store.endIfIdle("b-1", at: now, limit: limit) == expected)
        #expect(try store.route("b-1")?.state == (expected == .idle ? .swept : .ready))
        #expect(try await store.backend(.make())?.state == .ready)
    }

    @Test("A28: activity noted by the proxy just before the sweep saves the backend")
    func activityWins() async throws {
        let fixture = try StoreFixture()
        let agent = try fixture.open()
        let proxy = try fixture.open()
        try await agent.enter("b-1", .ready, at: 1000)
        try proxy.recordActivity(["b-1"], at: 1500)
        #expect(try await agent.endIfIdle("b-1", at: 1505, limit: 10) == .activeUntil(1511))
    }

    @Test("A16: a missing route is told, not taken for an end")
    func routeMissing() async throws {
        let fixture = try StoreFixture()
        let store = try fixture.open()
        try await store.enter("b-1", .ready, at: 1000)
        try fixture.execute("DELETE FROM route")
        #expect(try await store.endIfIdle("b-1", at: 5000, limit: 10) == .routeMissing)
        let route = BackendTransition.Route(address: "10.0.0.1:8080", bearerToken: nil)
        try await store.ensureRoute(of: .make("b-1"), route, at: 5000)
        try await store.ensureRoute(of: .make("b-1"), route, at: 6000)  // it is there: not an activity
        #expect(try await store.endIfIdle("b-1", at: 5000, limit: 10) == .activeUntil(5011))
    }

    @Test("only a Ready backend is swept", arguments: BackendState.allCases.filter { $0 != .ready })
    func otherStates(state: BackendState) async throws {
        let store = try StoreFixture().open()
        try await store.enter("b-1", state)
        #expect(try await store.endIfIdle("b-1", at: 9999, limit: 10) == .notReady)
        #expect(try store.route("b-1")?.state == state)
    }
}

extension DroneStore {
    fileprivate func endIfIdle(_ id: String, at now: Int64, limit: UInt64) async throws -> IdleVerdict {
        try await self.endIfIdle(
            .make(id), idleLimit: WireSeconds(rawValue: limit), at: now, .make(.swept), report: Array("\"ending\"".utf8))
    }
}
