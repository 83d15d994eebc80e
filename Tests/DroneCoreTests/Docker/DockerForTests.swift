import DockerEngine
import DroneStore
import PlaneProtocol
import PlaneTestSupport
import Testing

@testable import DroneCore

extension Trait where Self == ConditionTrait {
    /// These tests run containers on a real Docker.
    static var needsDocker: Self {
        .enabled(if: TestImage.socket != nil, "PLANE_TEST_DOCKER_SOCKET names no Docker; scripts/test starts one")
    }
}

extension DockerEngineAdapter {
    /// The Docker of the tests, with the test images on it.
    static func forTests() async throws -> DockerEngineAdapter {
        try await TestImage.build()
        let socket = try #require(TestImage.socket)
        return DockerEngineAdapter(client: DockerClient(endpoint: .unixSocket(path: socket)), template: ContainerTemplate())
    }
}

/// The Docker of the tests with sandboxes, as an agent has it.
struct DockerWithSandboxes {
    let engine: DockerEngineAdapter
    let pool: SandboxPool
    let drone = DroneID.random()

    init(size: Int, _ change: (inout ContainerTemplate) -> Void = { _ in }) async throws {
        let plain = try await DockerEngineAdapter.forTests()
        var template = plain.template
        change(&template)
        var engine = DockerEngineAdapter(client: plain.client, template: template)
        self.pool = SandboxPool(size: size, maker: DockerSandboxMaker(engine, drone: self.drone), logger: AgentFixture.logger)
        engine.sandboxes = self.pool
        self.engine = engine
    }

    /// The drone's sandboxes, as the engine lists them.
    func sandboxes() async throws -> [ContainerListing] {
        try await self.engine.list().filter { $0.drone == self.drone && $0.container.role == .other(ContainerHandle.sandboxRole) }
    }

    /// Keeps the pool full until `body` returns; nothing of the drone is left then.
    func withPool(_ body: () async throws -> Void) async throws {
        try await self.cleanedUp {
            try await withThrowingDiscardingTaskGroup { group in
                group.addTask { await self.pool.run { [] } }
                try await body()
                group.cancelAll()
            }
        }
    }

    func cleanedUp(_ body: () async throws -> Void) async throws { try await self.engine.cleanedUp(of: self.drone, body) }
}

extension DockerEngineAdapter {
    /// Leaves nothing of the drone, however `body` ends.
    func cleanedUp(of drone: DroneID, _ body: () async throws -> Void) async throws {
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(try await body())
        } catch {
            outcome = .failure(error)
        }
        try await eventually("nothing of the drone is left", within: .seconds(60)) {
            let left = try await self.list().filter { $0.drone == drone }
            // Docker does not like to be asked twice.
            for listing in left { try? await self.remove(listing.container) }
            return left.isEmpty
        }
        try outcome.get()
    }
}

extension SpawnRequest {
    /// A backend of the test image.
    static func onDocker(
        _ id: BackendID, drone: DroneID, idle: WireSeconds = 300, image: String = TestImage.name, _ environment: [String: Secret] = [:]
    ) -> SpawnRequest {
        SpawnRequest(
            cluster: .make(), droneID: drone, maxIdle: idle, backendID: id,
            executable: DockerExecutableConfig(image: image, env: environment, pullPolicy: .never))
    }
}

extension DroneID {
    static func random() -> DroneID {
        var generator = SystemRandomNumberGenerator()
        return .random(using: &generator)
    }
}
