import DroneStore
import PlaneProtocol
import PlaneTestSupport
import Synchronization
import Testing

@testable import DroneCore

/// Makes sandboxes of nothing, and tells what it was asked for.
private final class FakeSandboxMaker: SandboxMaker {
    struct State {
        var probes: [Result<SandboxProbe, BackendEngineError>] = []
        var alive: [String] = []
        var count = 0
    }

    let state = Mutex(State())

    /// - Parameter probes: The last one is the answer for ever.
    init(_ probes: [Result<SandboxProbe, BackendEngineError>]) { self.state.withLock { $0.probes = probes } }

    var alive: [String] { self.state.withLock { $0.alive } }

    func probe() async throws(BackendEngineError) -> SandboxProbe {
        try self.state.withLock { $0.probes.count > 1 ? $0.probes.removeFirst() : $0.probes[0] }.get()
    }

    func make(_ name: String, runtime: String?) async throws(BackendEngineError) -> Sandbox {
        self.state.withLock { state in
            state.count += 1
            state.alive.append("id-\(state.count)")
            return Sandbox(id: "id-\(state.count)", name: name)
        }
    }

    func remove(_ sandbox: String) async throws(BackendEngineError) { self.state.withLock { $0.alive.removeAll { $0 == sandbox } } }

    func isOurs(_ listing: ContainerListing) -> Bool { listing.container.name != "of another network" }
}

@Suite struct SandboxPoolTests {
    private static let works = Result<SandboxProbe, BackendEngineError>.success(SandboxProbe(runtime: "crun", findings: "it works"))

    private func with(
        _ maker: FakeSandboxMaker, size: Int, time: AgentTime = AgentTime(), adoptable: [ContainerListing] = [],
        _ body: (SandboxPool) async throws -> Void
    ) async throws {
        let pool = SandboxPool(size: size, maker: maker, time: time, logger: AgentFixture.logger)
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await pool.run { adoptable } }
            try await body(pool)
            group.cancelAll()
        }
    }

    private func listing(_ id: String, name: String = "one", runs: Bool = true) -> ContainerListing {
        ContainerListing(ContainerHandle(id: id, name: name, labels: [:]), isRunning: runs)
    }

    @Test("it fills up, gives away, and fills up again; what has ended is replaced")
    func life() async throws {
        let maker = FakeSandboxMaker([Self.works])
        try await self.with(maker, size: 2) { pool in
            try await eventually("it is full") { pool.free == ["id-1", "id-2"] }
            let shortcut = pool.claim(for: .make())
            #expect(shortcut?.runtime == "crun" && shortcut?.sandbox?.id == "id-1")
            #expect(pool.startEnded(of: .make(), well: true))
            try await eventually("it is full again") { pool.free == ["id-2", "id-3"] }
            pool.ended(["id-3", "id-1"])
            try await eventually("it is full once more") { pool.free == ["id-2", "id-4"] }
            #expect(maker.alive == ["id-1", "id-2", "id-4"], "what a backend has is not the pool's")
        }
    }

    @Test("what an agent before left is taken over, if it runs and is as it would be made now")
    func adoption() async throws {
        let left = [self.listing("old"), self.listing("dead", runs: false), self.listing("other", name: "of another network")]
        let maker = FakeSandboxMaker([Self.works])
        try await self.with(maker, size: 2, adoptable: left) { pool in
            try await eventually("it is full") { pool.free == ["old", "id-1"] }
        }
    }

    @Test("an engine that is away is asked again; one on which sandboxes do not work, some minutes later")
    func probing() async throws {
        let time = ManualTime()
        var clock = AgentTime()
        clock.uptime = { time.uptime }
        clock.sleep = { try await time.wait($0) }
        let away = Result<SandboxProbe, BackendEngineError>.failure(BackendEngineError(.unavailable, "no answer"))
        let refused = Result<SandboxProbe, BackendEngineError>.failure(BackendEngineError(.refused, "the runtime is runsc"))
        let maker = FakeSandboxMaker([away, refused, Self.works])
        try await self.with(maker, size: 1, time: clock) { pool in
            try await time.pass(1)
            try await time.waitForSleeper(600)
            #expect(pool.claim(for: .make()) == nil, "plain starts go on meanwhile")
            try await time.pass(600)
            try await eventually("it is full") { pool.free == ["id-1"] }
        }
    }

    @Test("a drained drone keeps none")
    func draining() async throws {
        let maker = FakeSandboxMaker([Self.works])
        try await self.with(maker, size: 2) { pool in
            try await eventually("it is full") { pool.free.count == 2 }
            pool.set(draining: true)
            try await eventually("they are gone") { maker.alive.isEmpty }
        }
    }
}
