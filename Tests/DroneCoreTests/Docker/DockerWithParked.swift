import DockerEngine
import DroneStore
import PlaneProtocol
import PlaneService
import PlaneTestSupport
import Synchronization
import Testing

@testable import DroneCore

/// The Docker of the tests with parked containers, as an agent has it.
struct DockerWithParked {
    let engine: DockerEngineAdapter
    let pool: ParkedPool
    let drone: DroneID

    init(_ image: String = TestImage.name, count: Int = 1, _ change: (inout ContainerTemplate) -> Void = { _ in }) async throws {
        self.drone = .random()
        let plain = try await DockerEngineAdapter.forTests()
        var template = plain.template
        template.logBytes = 1 << 20
        change(&template)
        var engine = DockerEngineAdapter(client: plain.client, template: template)
        self.pool = try Self.pool(image, count: count, engine, drone: self.drone)
        engine.parked = self.pool
        self.engine = engine
    }

    /// With one container of what the table's requests ask for.
    init(learningFrom store: DroneStore, drone: DroneID) async throws {
        var engine = try await DockerEngineAdapter.forTests()
        let learned = LearnedKinds(engine.template, drone: drone, count: 1)
        self.drone = drone
        self.pool = ParkedPool(
            [], learns: { try await learned.kinds(askedForIn: store, except: $0, now: .now()) }, maker: DockerParkedMaker(engine, drone: drone),
            logger: AgentFixture.logger)
        engine.parked = self.pool
        self.engine = engine
    }

    /// Another agent's, for the same drone.
    static func pool(_ image: String, count: Int, _ engine: DockerEngineAdapter, drone: DroneID) throws -> ParkedPool {
        let spec = try #require(engine.template.specification(of: image, limits: ResourceLimits(), drone: drone))
        let kind = ParkedKind(image: image, specification: spec, count: count)
        return ParkedPool([kind], maker: DockerParkedMaker(engine, drone: drone), logger: AgentFixture.logger)
    }

    /// The drone's containers that wait, or have waited, as the engine lists them.
    func parked() async throws -> [ContainerListing] {
        try await self.engine.list().filter { $0.drone == self.drone && $0.container.isParked }
    }

    func waitUntilFull(_ count: Int = 1) async throws {
        try await eventually("the pool is full", within: .seconds(60)) { self.pool.free.count == count }
    }

    /// Keeps the pool full until `body` returns; nothing of the drone is left then.
    func withPool(_ body: () async throws -> Void) async throws {
        try await self.cleanedUp {
            try await withThrowingDiscardingTaskGroup { group in
                group.addTask { await self.pool.run(room: { nil }) { [] } }
                try await body()
                group.cancelAll()
            }
        }
    }

    func cleanedUp(_ body: () async throws -> Void) async throws { try await self.engine.cleanedUp(of: self.drone, body) }

    /// What a program in the container prints, run by the image's user.
    func output(_ command: [String], in container: ContainerHandle) async throws -> String {
        let printed = Mutex<[UInt8]>([])
        let port = ExecPort(
            began: {}, wrote: { _, bytes in printed.withLock { $0 += bytes } },
            nextInput: { nil })
        _ = try await self.engine.run(.run(ExecProgram(command: command)), in: container, port)
        return String(decoding: printed.withLock { $0 }, as: UTF8.self)
    }
}
