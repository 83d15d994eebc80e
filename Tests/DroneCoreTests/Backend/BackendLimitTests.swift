import DroneStore
import PlaneProtocol
import PlaneTestSupport
import Synchronization
import Testing

@testable import DroneCore

/// Limits that a request brings with it, and ends that do not wait.
@Suite struct BackendLimitTests {
    private func running(_ supervisor: BackendSupervisor, _ body: () async throws -> Void) async throws {
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await supervisor.run() }
            try await body()
            group.cancelAll()
        }
    }

    private func request(idle: WireSeconds = 100_000, _ terms: BackendTerms) -> SpawnRequest {
        var request = SpawnRequest.make(idle: idle)
        request.terms = terms
        return request
    }

    @Test("a backend whose lifetime is over is ended, whoever is connected, and told so")
    func lifetime() async throws {
        let drone = try DroneFixture()
        let backend = try await drone.admit(self.request(BackendTerms(lifetimeLimit: 50)))
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await backend.run() }
            try await drone.wait(for: .ready, of: .make())
            try drone.store.recordActivity(["b-1"], at: drone.time.now.seconds + 49)
            try await drone.time.pass(50)
        }
        #expect(try await drone.state(of: .make()) == .swept)
        let reports = try await drone.reports()
        #expect(reports.map(\.state) == [.loading, .starting, .ready, .ready, .swept])
        #expect(reports.last?.detail?.cause == .lifetime)
        #expect(reports[3].detail?.ending?.reason == .swept)
    }

    @Test("an agent that comes back counts a lifetime from when the backend was taken, not from its own start")
    func lifetimeOverRestart() async throws {
        let drone = try DroneFixture()
        let first = try await drone.admit(self.request(BackendTerms(lifetimeLimit: 50)))
        try await self.running(first) { try await drone.wait(for: .ready, of: .make()) }
        drone.time.set(by: 45)  // nobody looked meanwhile
        let registry = BackendRegistry(context: drone.context)
        try await registry.resume()
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await registry.run() }
            try await drone.time.pass(5)
            try await drone.wait(for: .swept, of: .make())
            group.cancelAll()
        }
    }

    @Test("a clock that is set neither ends a lifetime early nor keeps it, for this agent and for the next", arguments: [100_000, -100_000] as [Int64])
    func clockSet(by seconds: Int64) async throws {
        let drone = try DroneFixture()
        let backend = try await drone.admit(self.request(BackendTerms(lifetimeLimit: 100)))
        let before = try #require(try await drone.store.backend(.make())?.lifetimeEnd)
        try await self.running(backend) {
            try await drone.wait(for: .ready, of: .make())
            try await drone.time.waitForSleeper(60)
            drone.time.set(by: seconds)
            try await drone.time.pass(60)
            try await eventually("the end has moved with the clock") {
                guard let moved = try await drone.store.backend(.make())?.lifetimeEnd else { return false }
                return abs(moved - before - seconds) <= 2
            }
            #expect(try await drone.state(of: .make()) == .ready)
            try await drone.time.pass(40)
            try await drone.wait(for: .swept, of: .make())
        }
    }

    @Test("without an idle limit nobody need be connected, whatever max_idle_secs says")
    func noIdleLimit() async throws {
        let drone = try DroneFixture()
        let backend = try await drone.admit(self.request(idle: 10, BackendTerms(lifetimeLimit: 5000, hasNoIdleLimit: true)))
        try await self.running(backend) {
            try await drone.wait(for: .ready, of: .make())
            #expect(try drone.store.route("b-1")?.address != nil)
            try await drone.time.waitForSleeper(3600)
            try await drone.time.pass(60)
            #expect(try await drone.state(of: .make()) == .ready)
            #expect(try await drone.store.backend(.make())?.ending == nil)
        }
    }

    @Test("a request's own time to become ready, path and status are what is probed with")
    func readiness() async throws {
        let drone = try DroneFixture()
        let asked = Mutex<[(ReadinessTerms, Duration)]>([])
        var context = drone.context
        context.probe = { _, terms, limit in
            asked.withLock { $0.append((terms, limit)) }
            return .unanswered(.otherStatus(503))
        }
        let terms = ReadinessTerms(timeout: 120, path: "/healthz", status: 200)
        let request = self.request(BackendTerms(readiness: terms))
        _ = try await drone.admit(request)
        await BackendSupervisor(request, from: .admitted, acceptedAt: nil, in: context).run()
        #expect(asked.withLock { $0.count } == 1)
        #expect(asked.withLock { $0.first?.0 } == terms)
        #expect(asked.withLock { $0.first?.1 } == .seconds(120))
        let detail = try #require(try await drone.reports().last?.detail)
        #expect(detail.cause == .readinessTimeout)
        #expect(detail.message?.contains("status 503") == true)
    }

    @Test("a hard request during a soft stop kills at once: the table has it, the report says so, and the end comes once")
    func hardDuringSoft() async throws {
        let drone = try DroneFixture()
        let backend = try await drone.admit(.make())
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await backend.run() }
            try await drone.wait(for: .ready, of: .make())
            drone.engine.hold(.stop)
            await backend.terminate(requestedBy: "bob")
            #expect(try await drone.store.backend(.make())?.ending?.ending.kind == .soft)
            try await eventually("it is being stopped") { drone.engine.calls.contains(.stop) }
            await backend.terminate(.hard, requestedBy: "carol")
            #expect(try await drone.store.backend(.make())?.ending?.ending.kind == .hard)
            await backend.terminate(.soft)
            #expect(try await drone.store.backend(.make())?.ending?.ending.kind == .hard)
            try await eventually("it is killed") { drone.engine.calls.filter { $0 == .stop }.count == 2 }
            drone.engine.release(.stop)
        }
        let reports = try await drone.reports()
        #expect(reports.map(\.state) == [.loading, .starting, .ready, .ready, .ready, .terminated])
        #expect(reports.compactMap { $0.detail?.ending?.kind } == [.soft, .hard])
        #expect(reports.compactMap { $0.detail?.ending?.reason } == [.external, .external])
        #expect(reports.last?.detail?.requestedBy == "bob")
        #expect(drone.engine.graces.last == .zero)
    }

    @Test("an agent killed after a hard end was stored goes on with it")
    func hardOverRestart() async throws {
        let drone = try DroneFixture()
        let first = try await drone.admit(.make())
        try await self.running(first) { try await drone.wait(for: .ready, of: .make()) }
        let ending = BackendOutcome(.terminated, .requested, isHard: true).record(at: drone.time.now, requestedBy: "bob")
        _ = try await drone.store.beginEnding(of: .make(), ending) { _, _ in [] }
        let registry = BackendRegistry(context: drone.context)
        try await registry.resume()
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await registry.run() }
            try await drone.wait(for: .terminated, of: .make())
            group.cancelAll()
        }
        #expect(drone.engine.graces == [.zero])
    }
}
