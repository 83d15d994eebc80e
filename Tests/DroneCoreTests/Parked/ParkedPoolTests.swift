import DockerEngine
import DroneStore
import PlaneProtocol
import PlaneTestSupport
import Synchronization
import Testing

@testable import DroneCore

/// Parks containers of nothing, and tells what it was asked for.
private final class FakeParkedMaker: ParkedMaker {
    struct State {
        var image: Result<ImageInspection, BackendEngineError> = .success(.make())
        var alive: [String] = []
        var names: [String: String] = [:]
        var count = 0
        var isPressed = false
        /// Images that have a health check.
        var refused: Set<String> = []
    }

    let state = Mutex(State())

    var alive: [String] { self.state.withLock { $0.alive } }

    func inspectImage(of kind: ParkedKind) async throws(BackendEngineError) -> ImageInspection {
        let isRefused = self.state.withLock { $0.refused.contains(kind.image) }
        if isRefused { throw BackendEngineError(.refused, "it has a health check") }
        return try self.state.withLock { $0.image }.get()
    }

    func make(_ name: String, _ kind: ParkedKind, of image: ImageInspection, runtime: String?) async throws(BackendEngineError) -> ParkedContainer {
        self.state.withLock { state in
            state.count += 1
            state.alive.append("id-\(state.count)")
            return ParkedContainer(id: "id-\(state.count)", name: name, labels: [ContainerHandle.roleLabel: ContainerHandle.parkedRole], imageID: image.id)
        }
    }

    func remove(_ container: String) async throws(BackendEngineError) { self.state.withLock { $0.alive.removeAll { $0 == container } } }

    func rename(_ container: String, to name: String) async throws(BackendEngineError) { self.state.withLock { $0.names[container] = name } }

    func makeLabel(of kind: ParkedKind, runtime: String?) async throws(BackendEngineError) -> String { "made now" }

    func isPressed(already: Bool) async -> Bool { self.state.withLock { $0.isPressed } }
}

@Suite struct ParkedPoolTests {
    private func with(
        _ maker: FakeParkedMaker, count: Int, adoptable: [ContainerListing] = [], room: @escaping @Sendable () -> Int? = { nil },
        _ body: (ParkedPool) async throws -> Void
    ) async throws {
        let pool = ParkedPool([.make(count: count)], maker: maker, logger: AgentFixture.logger)
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await pool.run(room: room) { adoptable } }
            try await body(pool)
            group.cancelAll()
        }
    }

    private func specification(_ environment: [String: Secret] = [:]) throws -> ContainerSpec {
        var request = SpawnRequest.make()
        request.executable = DockerExecutableConfig(image: "demo", env: environment)
        return try #require(ContainerTemplate().specification(for: request))
    }

    @Test("it fills up, gives away with what the backend is to be told, once, and fills up again")
    func life() async throws {
        let maker = FakeParkedMaker()
        try await self.with(maker, count: 2) { pool in
            try await eventually("it is full") { pool.free == ["id-1", "id-2"] }
            let spec = try self.specification(["A": "b"])
            #expect(pool.covers(spec) && pool.hasFree(for: spec))
            let container = try #require(pool.claim(for: .make("b"), spec, image: .make()))
            #expect(container.id == "id-1" && container.isParked)
            let told = EntryDocument(arguments: ["serve"], environment: ["PATH=/bin", "HOSTNAME", "A=b", "PORT=8080"]).bytes
            #expect(pool.claim(of: "id-1")?.document == told)
            pool.started("id-1")
            #expect(pool.claim(of: "id-1") == nil)
            try await eventually("it is full again, and the other has its backend's name") {
                pool.free == ["id-2", "id-3"] && maker.state.withLock { $0.names["id-1"] } == BackendID.make("b").resourceName
            }
            #expect(maker.alive == ["id-1", "id-2", "id-3"], "what a backend has is not the pool's")
        }
    }

    @Test("what an agent before has left is taken over, if it runs, is nobody's, and is as it would be made now")
    func adoption() async throws {
        func left(_ id: String, name: String = "plane.parked-1", image: String = "sha256:one", make: String = "made now", runs: Bool = true) -> ContainerListing
        {
            ContainerListing(
                ContainerHandle(id: id, name: name, labels: [ParkedContainer.makeLabel: make, ParkedContainer.imageLabel: image]), isRunning: runs)
        }
        let listings = [
            left("ours"), left("of another image", image: "sha256:two"), left("of another configuration", make: "made once"),
            left("a backend's", name: "plane-b"), left("dead", runs: false),
        ]
        try await self.with(FakeParkedMaker(), count: 2, adoptable: listings) { pool in
            try await eventually("it is full") { pool.free == ["ours", "id-1"] }
        }
    }

    @Test("a request for an image that is not kept is no miss; one that finds none is started otherwise")
    func misses() async throws {
        let maker = FakeParkedMaker()
        maker.state.withLock { $0.image = .failure(BackendEngineError(.imageMissing, "no such image")) }
        try await self.with(maker, count: 1) { pool in
            let other = try #require(ContainerTemplate().specification(for: .make(image: "other")))
            #expect(!pool.covers(other))
            #expect(pool.claim(for: .make(), try self.specification(), image: .make()) == nil)
            #expect(maker.alive.isEmpty)
        }
    }

    @Test("images that are asked for are parked from the start, what an agent before has left of them is taken over, and after a while it looks again")
    func learning() async throws {
        let maker = FakeParkedMaker()
        let kinds = Mutex<[ParkedKind]>([.make(count: 2)])
        let seconds = Mutex<Int64>(0)
        maker.state.withLock { $0.refused = ["checked"] }
        var time = AgentTime()
        time.uptime = { .seconds(seconds.withLock { $0 }) }
        let excepted = Mutex<Set<ContainerSpec>>([])
        let learns: ParkedPool.Learner = { except in
            excepted.withLock { $0 = except }
            return kinds.withLock { $0 }
        }
        let pool = ParkedPool([], learns: learns, maker: maker, time: time, logger: AgentFixture.logger)
        let left = ContainerListing(
            ContainerHandle(id: "left", name: "plane.parked-1", labels: [ParkedContainer.makeLabel: "made now", ParkedContainer.imageLabel: "sha256:one"]),
            isRunning: true)
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await pool.run(room: { nil }) { [left] } }
            try await eventually("it is full") { pool.free == ["left", "id-1"] }
            #expect(pool.hasFree(for: try self.specification()))
            kinds.withLock { $0 = [.make("other", count: 1), .make("checked", count: 1)] }
            pool.set(draining: false)
            #expect(pool.free.count == 2, "it is not time yet")
            seconds.withLock { $0 += 300 }
            pool.set(draining: false)
            try await eventually("the other image is parked") { pool.waiting == ["other": 1] && maker.alive == ["id-2"] }
            #expect(!pool.covers(try self.specification()))
            seconds.withLock { $0 += 300 }
            pool.set(draining: false)
            try await eventually("what cannot be parked is told") {
                excepted.withLock { $0 } == [ParkedKind.make("checked").specification]
            }
            maker.state.withLock { $0.refused = [] }
            seconds.withLock { $0 += 300 }
            pool.set(draining: false)
            try await eventually("it was repaired under its name, and is parked") { pool.waiting == ["other": 1, "checked": 1] }
            #expect(excepted.withLock { $0 }.isEmpty)
            group.cancelAll()
        }
    }

    @Test("a drained drone keeps none, and one that is full has none to keep")
    func draining() async throws {
        let maker = FakeParkedMaker()
        try await self.with(maker, count: 2, room: { 1 }) { pool in
            try await eventually("there is one") { pool.free.count == 1 }
            pool.set(draining: true)
            try await eventually("it is gone") { maker.alive.isEmpty }
        }
    }
}
