import AsyncHTTPClient
import DockerEngine
import DroneStore
import NATS
import NIOCore
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneTestSupport
import Testing

@testable import DroneCore

/// Backends that are frozen while there is no traffic, on a real Docker.
@Suite(.needsDocker, .serialized, .timeLimit(.minutes(10))) struct FreezingOnDockerTests {
    private struct Drone {
        let engine: DockerEngineAdapter
        let fixture: AgentFixture
        let id: DroneID

        init(engine: DockerEngineAdapter? = nil) async throws {
            var own: DockerEngineAdapter
            if let engine { own = engine } else { own = try await DockerEngineAdapter.forTests() }
            own.pageOuts = PageOut(logger: AgentFixture.logger)
            self.engine = own
            self.fixture = try await AgentFixture(engine: own)
            self.id = .random()
        }

        /// As the next process of the agent has it: its engine knows nothing of what was frozen.
        init(after drone: Drone) async throws {
            self.engine = DockerEngineAdapter(client: drone.engine.client, template: drone.engine.template)
            self.fixture = try await AgentFixture(engine: self.engine, directory: drone.fixture.directory)
            self.id = drone.id
        }

        func withAgent(_ body: () async throws -> Void) async throws {
            // Whoever is killed after its grace has not ended when a test gives it up.
            try await self.fixture.withScheduler { try await self.fixture.withAgent(self.id, change: { $0.limits.stopGrace = .seconds(100) }, body) }
        }

        /// A backend that is frozen after a second without traffic.
        func spawn(idle: WireSeconds = 300) async throws -> BackendID {
            let id = BackendID.random()
            var request = SpawnRequest.onDocker(id, drone: self.id, idle: idle)
            request.terms.holdIdle = 1
            #expect(try await self.fixture.spawn(request))
            try await self.fixture.wait(for: .ready, of: id, within: .seconds(60))
            return id
        }

        func container(of id: BackendID) async throws -> ContainerHandle {
            try #require(try await self.fixture.store.backend(id)).container
        }

        func isFrozen(_ id: BackendID) async throws -> Bool {
            let container = try #require(try await self.container(of: id).id.flatMap { ContainerID(rawValue: $0) })
            return try await self.engine.client.inspect(container).state.status == .paused
        }

        func waitUntilFrozen(_ id: BackendID) async throws {
            try await eventually("it is frozen", within: .seconds(20)) { try await self.isFrozen(id) }
        }

        func waitUntilThawed(_ id: BackendID) async throws {
            try await eventually("it is thawed", within: .seconds(60)) { try await !self.isFrozen(id) || self.held(id).contains(false) }
        }

        /// As the proxy does for a visitor.
        func want(_ id: BackendID) throws { try self.fixture.store.want([id.rawValue], at: WireTime.now().seconds) }

        /// What was told of it beside its state, in order.
        func held(_ id: BackendID) -> [Bool] { self.fixture.reports.all.filter { $0.backend == id }.compactMap(\.detail?.isHeld) }

        func end(_ id: BackendID) async throws {
            // An agent that has just started may not listen yet.
            try await eventually("the agent is asked to end it") {
                do throws(BusRequestError) {
                    _ = try await self.fixture.bus.request(TerminationRequest(cluster: .make(), backendID: id), timeout: .seconds(20))
                    return true
                } catch {
                    guard case .transport(let cause) = error, cause.code == .noResponders else { throw error }
                    return false
                }
            }
            try await self.fixture.wait(for: .terminated, of: id, within: .seconds(30))
        }

        func page(of id: BackendID) async throws -> String {
            let address = try #require(try self.fixture.store.route(id.rawValue)?.address)
            let response = try await HTTPClient.shared.execute(HTTPClientRequest(url: "http://\(address)/"), timeout: .seconds(20))
            return String(buffer: try await response.body.collect(upTo: 1 << 20))
        }
    }

    @Test("it is frozen without traffic, stays Ready, and goes on when it is wanted; what was sent to it meanwhile is answered then, and both are told")
    func life() async throws {
        let drone = try await Drone()
        try await drone.engine.cleanedUp(of: drone.id) {
            try await drone.withAgent {
                let id = try await drone.spawn()
                try await drone.waitUntilFrozen(id)
                async let page = drone.page(of: id)
                try drone.want(id)
                #expect(try await page.hasPrefix("hello from"))
                try await drone.waitUntilFrozen(id)
                #expect(try await drone.fixture.store.backend(id)?.state == .ready)
                try await eventually("all was told") { drone.held(id) == [true, false, true] }
            }
        }
    }

    @Test("the end of a frozen one is as quick as any, whether it is asked for or comes of idleness")
    func ends() async throws {
        let drone = try await Drone()
        try await drone.engine.cleanedUp(of: drone.id) {
            try await drone.withAgent {
                let id = try await drone.spawn()
                let swept = try await drone.spawn(idle: 6)
                try await drone.waitUntilFrozen(id)
                try await drone.end(id)
                try await drone.fixture.wait(for: .swept, of: swept, within: .seconds(30))
                try await eventually("nothing is left", within: .seconds(30)) { try await drone.engine.list().allSatisfy { $0.drone != drone.id } }
            }
        }
    }

    @Test("a program can be run in a frozen one, which is not frozen as long as that runs, and its log is read")
    func access() async throws {
        let drone = try await Drone()
        try await drone.engine.cleanedUp(of: drone.id) {
            try await drone.withAgent {
                let id = try await drone.spawn()
                try await drone.waitUntilFrozen(id)
                let container = try await drone.container(of: id)
                #expect(try await drone.engine.lastLines(of: container, count: 5).isEmpty)
                #expect(try await drone.engine.usage(of: container) != nil)
                let port = ExecPort(began: {}, wrote: { _, _ in }, nextInput: { nil })
                #expect(try await drone.engine.run(.run(ExecProgram(command: ["sh", "-c", "exit 3"])), in: container, port) == 3)
            }
        }
    }

    @Test("an agent that stops leaves it running, and the next one freezes it again")
    func agentRestart() async throws {
        let drone = try await Drone()
        try await drone.engine.cleanedUp(of: drone.id) {
            var spawned: BackendID?
            try await drone.withAgent {
                let id = try await drone.spawn()
                spawned = id
                try await drone.waitUntilFrozen(id)
            }
            let id = try #require(spawned)
            #expect(try await !drone.isFrozen(id))
            #expect(try await drone.page(of: id).hasPrefix("hello from"), "it serves without an agent")
            let next = try await Drone(after: drone)
            try await next.withAgent { try await next.waitUntilFrozen(id) }
        }
    }

    @Test("an agent that was killed leaves it frozen; the next one thaws it for who has come meanwhile, or ends it with its grace", arguments: [true, false])
    func agentKilled(isWanted: Bool) async throws {
        let drone = try await Drone()
        try await drone.engine.cleanedUp(of: drone.id) {
            var spawned: BackendID?
            try await drone.withAgent { spawned = try await drone.spawn() }
            let id = try #require(spawned)
            try await eventually("it may be frozen") {
                if case .quiet = try await drone.fixture.store.freezeIfQuiet(id, limit: 1, at: WireTime.now().seconds) { true } else { false }
            }
            try await drone.engine.freeze(try await drone.container(of: id))
            #expect(try await drone.isFrozen(id))
            if isWanted { try drone.want(id) }
            let next = try await Drone(after: drone)
            try await next.withAgent {
                if isWanted { try await next.waitUntilThawed(id) }
                try await next.end(id)
            }
        }
    }

    @Test(
        "a Docker that is killed and comes back, and keeps its containers, finds it frozen; it is thawed and ended as any",
        .enabled(if: PrivateDocker.isPossible, "only root may start a Docker"))
    func dockerRestart() async throws {
        let docker = try await PrivateDocker(.bridged)
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(try await self.dockerRestart(docker))
        } catch {
            outcome = .failure(error)
        }
        try await docker.stop()
        try outcome.get()
    }

    private func dockerRestart(_ docker: PrivateDocker) async throws {
        try await TestImage.build(on: docker.socket)
        let engine = DockerEngineAdapter(client: DockerClient(endpoint: .unixSocket(path: docker.socket)), template: ContainerTemplate())
        let drone = try await Drone(engine: engine)
        try await drone.withAgent {
            let id = try await drone.spawn()
            try await drone.waitUntilFrozen(id)
            await docker.kill()
            try drone.want(id)
            try await docker.start()
            try await drone.waitUntilThawed(id)
            #expect(try await drone.page(of: id).hasPrefix("hello from"))
            try await drone.waitUntilFrozen(id)
            await docker.kill()
            try await docker.start()
            try await drone.end(id)
        }
    }
}
