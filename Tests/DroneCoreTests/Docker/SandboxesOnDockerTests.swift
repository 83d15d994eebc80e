import AsyncHTTPClient
import DockerEngine
import DroneStore
import NIOCore
import PlaneMessaging
import PlaneProtocol
import PlaneTestSupport
import Testing

@testable import DroneCore

/// Backends in networks that were ready, on a real Docker.
@Suite(.needsDocker, .serialized, .timeLimit(.minutes(10))) struct SandboxesOnDockerTests {
    /// Runs an agent with a pool, and leaves nothing of it.
    private struct Drone {
        let docker: DockerWithSandboxes
        let fixture: AgentFixture

        init(size: Int) async throws {
            self.docker = try await DockerWithSandboxes(size: size)
            self.fixture = try await AgentFixture(engine: self.docker.engine)
        }

        func withAgent(_ body: () async throws -> Void) async throws {
            try await self.fixture.withScheduler {
                try await self.fixture.withAgent(
                    self.docker.drone,
                    change: {
                        $0.sandboxes = self.docker.pool
                        // Who waits for a grace to pass has given up before.
                        $0.limits.stopGrace = .seconds(100)
                    }, body)
            }
        }

        func waitUntilFull(_ count: Int) async throws {
            try await eventually("the pool is full", within: .seconds(60)) { self.docker.pool.free.count == count }
        }

        /// A backend of the test image that is ready.
        func spawn(_ environment: [String: Secret] = [:]) async throws -> BackendID {
            let id = BackendID.random()
            #expect(try await self.fixture.spawn(.onDocker(id, drone: self.docker.drone, environment)))
            try await self.fixture.wait(for: .ready, of: id, within: .seconds(60))
            return id
        }

        func page(of id: BackendID) async throws -> String {
            let address = try #require(try self.fixture.store.route(id.rawValue)?.address)
            let response = try await HTTPClient.shared.execute(HTTPClientRequest(url: "http://\(address)/"), timeout: .seconds(10))
            return String(buffer: try await response.body.collect(upTo: 1 << 20))
        }

        func detail(of id: BackendID, in state: BackendState) -> BackendStatusDetail? {
            self.fixture.reports.all.last { $0.backend == id && $0.state == state && $0.detail?.ending == nil }?.detail
        }

        /// The id of the sandbox whose network the backend has.
        func sandbox(of id: BackendID) async throws -> String? {
            try await self.docker.engine.list().first { $0.container.backend == id }?.container.sandbox
        }
    }

    @Test("a backend gets a network that was ready, is reached in it, and says so; its end takes the network with it, and another is made")
    func life() async throws {
        let drone = try await Drone(size: 1)
        try await drone.docker.cleanedUp {
            try await drone.withAgent {
                try await drone.waitUntilFull(1)
                let id = try await drone.spawn(["GREETING": "a-sandbox"])
                #expect(try await drone.page(of: id).contains("a-sandbox"))
                #expect(drone.detail(of: id, in: .ready)?.start == .sandbox)
                let sandbox = try #require(try await drone.sandbox(of: id))
                try await eventually("statistics came", within: .seconds(30)) { drone.fixture.stats.all.contains { $0.backendID == id } }
                try await drone.waitUntilFull(1)
                #expect(!drone.docker.pool.free.contains(sandbox))
                _ = try await drone.fixture.bus.request(TerminationRequest(cluster: .make(), backendID: id), timeout: .seconds(10))
                try await eventually("the network is gone with it", within: .seconds(60)) {
                    try await !drone.docker.engine.list().contains { $0.container.id == sandbox || $0.container.backend == id }
                }
                #expect(try await drone.docker.sandboxes().count == 1)
            }
        }
    }

    @Test("more backends than networks are ready for: the others start cold, and all are told apart")
    func emptyPool() async throws {
        let drone = try await Drone(size: 1)
        try await drone.docker.cleanedUp {
            try await drone.withAgent {
                try await drone.waitUntilFull(1)
                let ids = [BackendID.random(), .random(), .random()]
                for id in ids { #expect(try await drone.fixture.spawn(.onDocker(id, drone: drone.docker.drone))) }
                for id in ids { try await drone.fixture.wait(for: .ready, of: id, within: .seconds(60)) }
                let kinds = ids.compactMap { drone.detail(of: $0, in: .ready)?.start }
                #expect(kinds.contains(.sandbox) && kinds.contains(.cold) && kinds.count == 3)
            }
        }
    }

    @Test("a sandbox that is killed ends its backend, at once and with the reason; one that nobody has yet is replaced")
    func killed() async throws {
        let drone = try await Drone(size: 1)
        try await drone.docker.cleanedUp {
            try await drone.withAgent {
                try await drone.waitUntilFull(1)
                let id = try await drone.spawn(["IGNORE_TERM": "1"])
                let sandbox = try #require(try await drone.sandbox(of: id).flatMap { ContainerID(rawValue: $0) })
                try await drone.docker.engine.client.kill(sandbox)
                try await drone.fixture.wait(for: .failed, of: id)
                #expect(drone.detail(of: id, in: .failed)?.cause == .networkLost)
                try await drone.waitUntilFull(1)
                let free = try #require(drone.docker.pool.free.first.flatMap { ContainerID(rawValue: $0) })
                try await drone.docker.engine.client.kill(free)
                try await eventually("another is ready", within: .seconds(60)) {
                    drone.docker.pool.free.count == 1 && !drone.docker.pool.free.contains(free.rawValue)
                }
                try await eventually("nothing else is left", within: .seconds(60)) { try await drone.docker.sandboxes().count == 1 }
            }
        }
    }

    @Test("the next agent takes over the networks that are ready, and goes on with backends in theirs")
    func agentRestart() async throws {
        let drone = try await Drone(size: 2)
        try await drone.docker.cleanedUp {
            var (id, left): (BackendID?, Set<String>) = (nil, [])
            try await drone.withAgent {
                try await drone.waitUntilFull(2)
                id = try await drone.spawn()
                try await drone.waitUntilFull(2)
                left = drone.docker.pool.free
            }
            let backend = try #require(id)
            let sandbox = try #require(try await drone.sandbox(of: backend))
            let maker = DockerSandboxMaker(drone.docker.engine, drone: drone.docker.drone)
            let pool = SandboxPool(size: 2, maker: maker, logger: AgentFixture.logger)
            try await drone.fixture.withScheduler {
                try await drone.fixture.withAgent(drone.docker.drone, change: { $0.sandboxes = pool }) {
                    try await eventually("they are taken over", within: .seconds(60)) { pool.free == left }
                    #expect(try await drone.page(of: backend).contains("hello"))
                    // The sandbox is watched by the new agent as well.
                    try await drone.docker.engine.client.kill(try #require(ContainerID(rawValue: sandbox)))
                    try await drone.fixture.wait(for: .failed, of: backend, within: .seconds(20))
                }
            }
            #expect(drone.detail(of: backend, in: .failed)?.cause == .networkLost)
        }
    }

    @Test("a backend whose sandbox has ended before it could be started is started without; the image's own mistake is told as ever")
    func plainly() async throws {
        let docker = try await DockerWithSandboxes(size: 1)
        let (id, broken) = (BackendID.random(), BackendID.random())
        try await docker.withPool {
            for request in [
                SpawnRequest.onDocker(id, drone: docker.drone), SpawnRequest.onDocker(broken, drone: docker.drone, image: TestImage.brokenName),
            ] {
                try await eventually("the pool is full", within: .seconds(60)) { docker.pool.free.count == 1 }
                let container = try await docker.engine.create(request)
                let sandbox = try #require(container.sandbox.flatMap { ContainerID(rawValue: $0) })
                if request.executable.image == TestImage.name { try await docker.engine.client.kill(sandbox) }
                let failure = await #expect(throws: BackendEngineError.self) { try await docker.engine.start(container) }
                #expect(failure?.code == .shortcutFailed)
                try await docker.engine.remove(container)
                #expect(try await docker.engine.recover(container) == nil)
            }
            let container = try await docker.engine.create(.onDocker(id, drone: docker.drone), plainly: true)
            #expect(container.sandbox == nil)
            try await docker.engine.start(container)
            guard case .running(_?) = try await docker.engine.inspect(container) else {
                Issue.record("it does not run")
                return
            }
            let other = try await docker.engine.create(.onDocker(broken, drone: docker.drone, image: TestImage.brokenName), plainly: true)
            let failure = await #expect(throws: BackendEngineError.self) { try await docker.engine.start(other) }
            #expect(failure?.code == .refused)
        }
    }

    @Test("an image that is not there costs no network")
    func imageMissing() async throws {
        let docker = try await DockerWithSandboxes(size: 1)
        try await docker.withPool {
            try await eventually("the pool is full", within: .seconds(60)) { docker.pool.free.count == 1 }
            let free = docker.pool.free
            let failure = await #expect(throws: BackendEngineError.self) { try await docker.engine.create(.make(.random(), image: "no-such-image")) }
            #expect(failure?.code == .imageMissing)
            #expect(docker.pool.free == free)
        }
    }

    @Test("what an image's labels say of sandboxes counts for nothing")
    func forgedLabel() async throws {
        let docker = try await DockerWithSandboxes(size: 1)
        let id = BackendID.random()
        try await docker.withPool {
            try await eventually("the pool is full", within: .seconds(60)) { docker.pool.free.count == 1 }
            let victim = try #require(docker.pool.free.first)
            // As an image's labels are among those of its containers.
            var spec = try #require(docker.engine.template.specification(for: .onDocker(id, drone: docker.drone)))
            spec.labels[ContainerHandle.sandboxLabel] = victim
            _ = try await docker.engine.client.createContainer(spec, name: try #require(ContainerID(rawValue: id.resourceName)))
            let recovered = try #require(try await docker.engine.recover(ContainerHandle(of: id)))
            #expect(recovered.sandbox == nil)
            try await docker.engine.remove(recovered)
            #expect(try await docker.sandboxes().map(\.container.id) == [victim])
        }
    }

    @Test("runtimes that do not share networks are not tried, and why is told", arguments: ["runsc", "kata"])
    func otherRuntimes(name: String) async throws {
        let docker = try await DockerWithSandboxes(size: 1) { $0.runtime = name }
        let maker = DockerSandboxMaker(docker.engine, drone: docker.drone)
        let failure = await #expect(throws: BackendEngineError.self) { try await maker.probe() }
        #expect(failure?.code == .refused && failure?.message.contains(name) == true)
    }

    @Test("a container that got no address is no sandbox: the probe says so, and leaves nothing")
    func noAddress() async throws {
        let docker = try await DockerWithSandboxes(size: 1) { $0.network = "none" }
        try await docker.cleanedUp {
            let maker = DockerSandboxMaker(docker.engine, drone: docker.drone)
            let failure = await #expect(throws: BackendEngineError.self) { try await maker.make(Sandbox.randomName(), runtime: nil) }
            #expect(failure?.code == .refused && failure?.message.contains("in network none got no address") == true, "\(String(describing: failure))")
            await #expect(throws: BackendEngineError.self) { try await maker.probe() }
            let left = try await docker.sandboxes()
            #expect(left.isEmpty)
        }
    }

    @Test("the probe finds the fastest runtime that works, says what it has found, and leaves nothing")
    func probe() async throws {
        let docker = try await DockerWithSandboxes(size: 1)
        try await docker.cleanedUp {
            let information = try await docker.engine.client.information()
            let probe = try await DockerSandboxMaker(docker.engine, drone: docker.drone).probe()
            #expect(probe.findings.contains("Docker \(information.engine)"))
            #expect(probe.runtime == "crun" || probe.findings.contains("crun"), "either it is used, or the reason is told")
            #expect(try await docker.sandboxes().isEmpty)
        }
    }
}
