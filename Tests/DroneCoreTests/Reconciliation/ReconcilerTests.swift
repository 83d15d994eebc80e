import DroneStore
import PlaneProtocol
import PlaneTestSupport
import Synchronization
import Testing

@testable import DroneCore

@Suite struct ReconcilerTests {
    /// A registry that runs while `body` does.
    private func running(_ drone: DroneFixture, _ body: (BackendRegistry, Reconciler) async throws -> Void) async throws {
        let registry = BackendRegistry(context: drone.context)
        let reconciler = drone.reconciler(registry)
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await registry.run() }
            try await body(registry, reconciler)
            group.cancelAll()
        }
    }

    @Test("A13: an exit nobody told of is found by comparing")
    func missedExit() async throws {
        let drone = try DroneFixture()
        try await self.running(drone) { registry, reconciler in
            #expect(try await registry.admit(.make(), room: nil) == .admitted)
            try await drone.wait(for: .ready, of: .make())
            drone.engine.end(.make(), code: 7, tells: false)
            await reconciler.reconcile()
            try await drone.wait(for: .failed, of: .make())
            #expect(try await drone.store.backend(.make())?.exitCode == 7)
        }
    }

    @Test("a container that ended in the table but not in the engine is stopped and removed")
    func leftOver() async throws {
        let drone = try DroneFixture()
        _ = try await drone.admit(.make())
        #expect(try await drone.store.record(BackendTransition(.make(), to: .terminated, at: 1)))
        drone.engine.state.withLock { $0.containers[.make()] = .init(image: "demo", process: .running, drone: .make()) }
        try await self.running(drone) { registry, reconciler in
            await reconciler.reconcile()
            try await eventually("it is gone") { drone.engine.containers.isEmpty }
            #expect(try await drone.state(of: .make()) == .terminated)
        }
    }

    @Test("A25: a container whose row was lost is removed once it has been seen for long enough")
    func stray() async throws {
        let drone = try DroneFixture()
        drone.engine.state.withLock { $0.containers[.make("stray")] = .init(image: "demo", process: .running, drone: .make()) }
        let registry = BackendRegistry(context: drone.context)
        let reconciler = drone.reconciler(registry)
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await reconciler.run() }
            for _ in 0..<3 {
                #expect(drone.engine.containers.count == 1)
                try await drone.time.pass(30)
            }
            try await eventually("it is gone") { drone.engine.containers.isEmpty }
            group.cancelAll()
        }
    }

    @Test("a container of ours that is no backend's is spared, and its end concerns nobody")
    func spared() async throws {
        let drone = try DroneFixture()
        var spare = ContainerHandle(id: "5", name: "spare", labels: [BackendID.managedLabel: "true", ContainerTemplate.droneLabel: "drone-a"])
        spare.labels[ContainerHandle.roleLabel] = "network-spare"
        let listing = ContainerListing(spare, isRunning: true)
        drone.engine.state.withLock { $0.others = [listing] }
        let registry = BackendRegistry(context: drone.context)
        let reconciler = drone.reconciler(registry)
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await reconciler.run() }
            for _ in 0..<5 { try await drone.time.pass(30) }
            group.cancelAll()
        }
        #expect(drone.engine.state.withLock { $0.others } == [listing])
        #expect(!drone.engine.calls.contains(.remove))
        #expect(await registry.supervisor(of: spare) == nil)
    }

    @Test("an engine that is away changes nothing")
    func engineAway() async throws {
        let drone = try DroneFixture()
        try await self.running(drone) { registry, reconciler in
            #expect(try await registry.admit(.make(), room: nil) == .admitted)
            try await drone.wait(for: .ready, of: .make())
            drone.engine.fail(.list, with: BackendEngineError(.unavailable, "docker is gone"))
            await reconciler.reconcile()
            #expect(try await drone.state(of: .make()) == .ready)
        }
    }

    @Test("events are hints: the exit watch passes them on")
    func exitWatch() async throws {
        let drone = try DroneFixture()
        try await self.running(drone) { registry, reconciler in
            try await withThrowingDiscardingTaskGroup { group in
                let watch = ExitWatch(
                    feeds: drone.engine, registry: registry, reconciler: reconciler, time: drone.context.time, logger: AgentFixture.logger)
                group.addTask { await watch.run() }
                #expect(try await registry.admit(.make(), room: nil) == .admitted)
                try await drone.wait(for: .ready, of: .make())
                drone.engine.end(.make(), code: 0)
                try await drone.wait(for: .exited, of: .make())
                group.cancelAll()
            }
        }
    }

    @Test("a container is the backend's whose supervisor has its id, or else the one's that its labels name")
    func owner() async throws {
        let drone = try DroneFixture()
        try await self.running(drone) { registry, _ in
            #expect(try await registry.admit(.make(), room: nil) == .admitted)
            try await drone.wait(for: .ready, of: .make())
            let id = try #require(drone.engine.containers[.make()]).id
            #expect(await registry.supervisor(of: ContainerHandle(id: id, name: "x", labels: [:]))?.backend == .make())
            #expect(await registry.supervisor(of: ContainerHandle(of: .make()))?.backend == .make())
            #expect(await registry.supervisor(of: ContainerHandle(id: "another", name: "x", labels: [:])) == nil)
        }
    }

    @Test("statistics are differences of two samples")
    func usage() async throws {
        let drone = try DroneFixture()
        let messages = Recorder<BackendStatsMessage>()
        try await self.running(drone) { registry, _ in
            let reporter = UsageReporter(
                drone: .make(), cluster: .make(), feeds: drone.engine, registry: registry, time: drone.context.time, logger: AgentFixture.logger
            ) { messages.record($0) }
            #expect(try await registry.admit(.make(), room: nil) == .admitted)
            try await drone.wait(for: .ready, of: .make())
            await reporter.report()
            #expect(messages.all.isEmpty)
            await reporter.report()
            #expect(messages.all.map(\.backendID) == [.make()])
        }
    }
}
