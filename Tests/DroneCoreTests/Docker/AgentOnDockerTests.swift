import AsyncHTTPClient
import DroneStore
import Foundation
import Logging
import NIOCore
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneTestSupport
import Testing

@testable import DroneCore

/// What a container's server answers.
private func page(_ url: String) async throws -> String {
    let response = try await HTTPClient.shared.execute(HTTPClientRequest(url: url), timeout: .seconds(10))
    return String(buffer: try await response.body.collect(upTo: 1 << 20))
}

/// The whole agent on a real NATS server, a real table and a real Docker: the same that the reference tests of its agent.
@Suite(.needsDocker, .serialized) struct AgentOnDockerTests {
    private struct Drone {
        let fixture: AgentFixture
        let id = DroneID.random()
        let backend = BackendID.random()

        init() async throws {
            self.fixture = try await AgentFixture(engine: try await DockerEngineAdapter.forTests())
        }

        /// Runs one backend to the end of `body`; nothing of it is left behind.
        func run(
            idle: WireSeconds = 300, image: String = TestImage.name, _ environment: [String: Secret] = [:],
            settings: (inout DroneAgent.Options) -> Void = { _ in }, mounts: [String] = [], _ body: () async throws -> Void
        ) async throws {
            var request = SpawnRequest.onDocker(self.backend, drone: self.id, idle: idle, image: image, environment)
            request.executable.volumeMounts = mounts
            do {
                try await self.fixture.withScheduler {
                    try await self.fixture.withAgent(self.id, change: settings) {
                        guard try await self.fixture.spawn(request) else {
                            Issue.record("the drone refused")
                            return
                        }
                        try await body()
                    }
                }
            } catch {
                try await self.cleanUp()
                throw error
            }
            try await self.cleanUp()
        }

        /// The agent may have begun to remove the container, and Docker does not like to be asked twice.
        func cleanUp() async throws {
            try await eventually("the container is removed", within: .seconds(30)) {
                do throws(BackendEngineError) {
                    try await self.fixture.engine.remove(ContainerHandle(of: self.backend))
                    return try await self.fixture.engine.inspect(ContainerHandle(of: self.backend)) == .absent
                } catch {
                    guard error.code == .unavailable else { throw error }
                    return false
                }
            }
        }

        func wait(for state: BackendState, within limit: Duration = .seconds(60)) async throws {
            try await self.fixture.wait(for: state, of: self.backend, within: limit)
        }

        var states: [BackendState] { self.fixture.states(of: self.backend) }

        func waitUntilGone() async throws {
            try await eventually("the container is gone", within: .seconds(30)) {
                try await self.fixture.engine.inspect(ContainerHandle(of: self.backend)) == .absent
            }
        }
    }

    @Test("a program that cannot be run: Loading, ErrorLoading, a word about it in the log, and no container")
    func invalidContainer() async throws {
        let drone = try await Drone()
        try await drone.run(image: TestImage.brokenName) {
            try await drone.wait(for: .errorLoading)
            try await eventually("the log tells") { drone.fixture.logs.all.contains { $0.kind == .meta } }
            try await drone.waitUntilGone()
        }
        #expect(drone.states == [.loading, .errorLoading])
    }

    @Test("a program that never serves: Loading, Starting, TimedOutBeforeReady")
    func inactiveContainer() async throws {
        let drone = try await Drone()
        try await drone.run(["SILENT": "1"], settings: { $0.limits.ready = .seconds(1) }) {
            try await drone.wait(for: .timedOutBeforeReady)
            try await drone.waitUntilGone()
        }
        #expect(drone.states == [.loading, .starting, .starting, .timedOutBeforeReady])
        #expect(drone.fixture.reports.all.last?.detail?.cause == .portNeverOpened)
    }

    @Test("what is printed arrives line by line, and the exit code at the end")
    func logs() async throws {
        let drone = try await Drone()
        try await drone.run(["SAY": "one two three", "EXIT_AFTER_SECONDS": "8", "EXIT_CODE": "2"]) {
            try await drone.wait(for: .failed)
            try await eventually("the exit code is told") { drone.fixture.logs.all.contains { $0.kind == .meta } }
        }
        let lines = drone.fixture.logs.all
        #expect(lines.map(\.kind) == [.stderr, .stderr, .stderr, .meta])
        #expect(lines.dropLast().map { String($0.text.suffix(6)) }.map { $0.split(separator: " ").last } == ["one\n", "two\n", "three\n"])
        #expect(lines.last?.text == "Backend exit code: 2")
    }

    @Test("spawned, reached, counted, and swept when idle")
    func spawnToSweep() async throws {
        let drone = try await Drone()
        try await drone.run(idle: 6, ["GREETING": "the-environment"]) {
            try await drone.wait(for: .ready)
            let address = try #require(try drone.fixture.store.route(drone.backend.rawValue)?.address)
            #expect(try await page("http://\(address)/").contains("the-environment"))
            try await eventually("one is counted") { drone.fixture.statuses.all.contains { $0.runningBackends == 1 } }
            try await drone.wait(for: .swept)
            try await drone.waitUntilGone()
            #expect(try drone.fixture.store.route(drone.backend.rawValue)?.state == .swept)
            try await eventually("none is counted") { drone.fixture.statuses.all.last?.runningBackends == 0 }
        }
        #expect(drone.states == [.loading, .starting, .ready, .ready, .swept])
    }

    @Test("statistics arrive")
    func stats() async throws {
        let drone = try await Drone()
        try await drone.run {
            try await drone.wait(for: .ready)
            try await eventually("statistics came", within: .seconds(30)) {
                drone.fixture.stats.all.contains { $0.backendID == drone.backend }
            }
        }
        let message = try #require(drone.fixture.stats.all.first { $0.backendID == drone.backend })
        #expect(message.memoryUsedBytes > 0)
        #expect(message.memoryAvailableBytes > message.memoryUsedBytes)
        #expect(message.systemCPUNanoseconds > 0)
    }

    @Test("a container that ends at once: Loading, Starting, ErrorStarting")
    func errorDuringStart() async throws {
        let drone = try await Drone()
        try await drone.run(["EXIT_AT_ONCE": "1", "SAY": "cannot go on"]) {
            try await drone.wait(for: .errorStarting)
            try await drone.waitUntilGone()
        }
        #expect(drone.states == [.loading, .starting, .errorStarting])
        let detail = drone.fixture.reports.all.last?.detail
        #expect(detail?.cause == .crashOnBoot)
        #expect(detail?.exitCode == 1)
        #expect(detail?.lastLines == ["cannot", "go", "on"])
    }

    @Test("a container that ends after it was ready is Exited or Failed by its code", arguments: [("0", .exited), ("1", .failed)] as [(String, BackendState)])
    func endAfterReady(code: String, state: BackendState) async throws {
        let drone = try await Drone()
        try await drone.run(["EXIT_AFTER_SECONDS": "8", "EXIT_CODE": Secret(code)]) {
            try await drone.wait(for: .ready)
            try await drone.wait(for: state)
            try await drone.waitUntilGone()
        }
        #expect(drone.states == [.loading, .starting, .ready, state])
        #expect(drone.fixture.reports.all.last?.detail?.exitCode == Int64(code))
    }

    @Test("another agent with another id goes on with the same table, sends no log twice, and sweeps")
    func agentRestart() async throws {
        let drone = try await Drone()
        let fixture = drone.fixture
        let request = SpawnRequest.onDocker(drone.backend, drone: drone.id, idle: 6, ["SAY": "once"])
        try await fixture.withScheduler {
            try await fixture.withAgent(drone.id) {
                #expect(try await fixture.spawn(request))
                try await drone.wait(for: .ready)
                try await eventually("the line came") { fixture.logs.all.count == 1 }
            }
            try await fixture.withAgent(.random()) {
                try await drone.wait(for: .swept)
                try await drone.waitUntilGone()
            }
        }
        #expect(drone.states == [.loading, .starting, .ready, .ready, .swept])
        #expect(fixture.logs.all.count == 1)
    }

    @Test("an exit while no agent runs is reported by the next with its true code")
    func exitWhileAway() async throws {
        let drone = try await Drone()
        let fixture = drone.fixture
        let request = SpawnRequest.onDocker(drone.backend, drone: drone.id, ["EXIT_AFTER_SECONDS": "8", "EXIT_CODE": "42"])
        try await fixture.withScheduler {
            try await fixture.withAgent(drone.id) {
                #expect(try await fixture.spawn(request))
                try await drone.wait(for: .ready)
            }
            try await eventually("it has ended") {
                try await fixture.engine.inspect(ContainerHandle(of: drone.backend)) == .exited(code: 42, outOfMemory: false)
            }
            try await fixture.withAgent(drone.id) {
                try await drone.wait(for: .failed)
                try await drone.waitUntilGone()
            }
        }
        #expect(fixture.reports.all.last?.detail?.exitCode == 42)
    }

    @Test(
        "a container that somebody renames is ended like any other, and what is told of its end is true: before the agent was restarted and after",
        arguments: [false, true], [false, true])
    func renamed(restarts: Bool, endsByItself: Bool) async throws {
        let drone = try await Drone()
        let fixture = drone.fixture
        let environment: [String: Secret] = endsByItself ? ["EXIT_AFTER_SECONDS": "8", "EXIT_CODE": "42"] : [:]
        let request = SpawnRequest.onDocker(drone.backend, drone: drone.id, environment)
        let socket = try #require(TestImage.socket)
        let end = { () async throws -> Void in
            if !endsByItself {
                // An agent that has just been started may not listen yet.
                try await eventually("the agent has taken it") {
                    (try? await fixture.bus.request(TerminationRequest(cluster: .make(), backendID: drone.backend))) != nil
                }
            }
            try await drone.wait(for: endsByItself ? .failed : .terminated)
            try await drone.waitUntilGone()
        }
        do {
            try await fixture.withScheduler {
                try await fixture.withAgent(drone.id) {
                    #expect(try await fixture.spawn(request))
                    try await drone.wait(for: .ready)
                    try await TestProcess.run(
                        "/usr/bin/env", ["docker", "-H", "unix://\(socket)", "rename", drone.backend.resourceName, "renamed-\(drone.backend)"])
                    if !restarts { try await end() }
                }
                if restarts { try await fixture.withAgent(drone.id) { try await end() } }
            }
        } catch {
            try await drone.cleanUp()
            throw error
        }
        if endsByItself { #expect(fixture.reports.all.last?.detail?.exitCode == 42) }
        let left = try await TestProcess.run("/usr/bin/env", ["docker", "-H", "unix://\(socket)", "ps", "--all", "--format", "{{.Names}}"])
        #expect(!left.contains("renamed-\(drone.backend)"))
    }

    @Test("an agent that is asked to end beside a backend that runs warns of nothing, whatever it was reading from Docker")
    func quietEnd() async throws {
        let drone = try await Drone()
        let recorder = LogRecorder()
        do {
            try await drone.fixture.withScheduler {
                try await drone.fixture.withAgent(drone.id, logger: recorder.logger) {
                    #expect(try await drone.fixture.spawn(SpawnRequest.onDocker(drone.backend, drone: drone.id, ["SAY": "hello"])))
                    try await drone.wait(for: .ready)
                    try await eventually("its log and its use are read") {
                        drone.fixture.logs.all.contains { $0.text.contains("hello") } && drone.fixture.stats.all.contains { $0.backendID == drone.backend }
                    }
                }
            }
        } catch {
            try await drone.cleanUp()
            throw error
        }
        try await drone.cleanUp()
        let warnings = recorder.entries.filter { $0.level >= .warning }
        #expect(warnings.isEmpty, "\(warnings)")
    }

    @Test("terminated right after the spawn: Terminated, and no container is left")
    func termination() async throws {
        let drone = try await Drone()
        let before = WireTime.now()
        try await drone.run {
            _ = try await drone.fixture.bus.request(TerminationRequest(cluster: .make(), backendID: drone.backend))
            #expect(try drone.fixture.store.route(drone.backend.rawValue)?.state == .terminated)
            try await drone.wait(for: .terminated)
            // The container whose making had begun may have come and gone since; Docker remembers.
            let told = Recorder<ExitEvent>()
            try await withThrowingDiscardingTaskGroup { group in
                group.addTask { try? await drone.fixture.engine.watchExits(since: before) { told.record($0) } }  // ends by being cancelled
                try await eventually("its container is removed") { told.all.contains { $0.backend == drone.backend } }
                group.cancelAll()
            }
            try await drone.waitUntilGone()
        }
        #expect(drone.states.last == .terminated)
    }

    @Test("a volume mount that is allowed reaches the container")
    func volumeMount() async throws {
        let drone = try await Drone()
        let directory = try TemporaryDirectory()
        try "from the host".write(toFile: directory.file("page"), atomically: true, encoding: .utf8)
        try await drone.run(settings: { $0.allowsVolumeMounts = true }, mounts: ["\(directory.path):/www/mounted:ro"]) {
            try await drone.wait(for: .ready)
            let address = try #require(try drone.fixture.store.route(drone.backend.rawValue)?.address)
            #expect(try await page("http://\(address)/mounted/page") == "from the host")
        }
    }

    @Test("an image that is nowhere: pulled, refused, ErrorLoading with a sentence about it")
    func unknownImage() async throws {
        let drone = try await Drone()
        let fixture = drone.fixture
        var request = SpawnRequest.onDocker(drone.backend, drone: drone.id, image: "127.0.0.1:1/no/such:image")
        request.executable.pullPolicy = .ifNotPresent
        try await fixture.withScheduler {
            try await fixture.withAgent(drone.id) {
                #expect(try await fixture.spawn(request))
                try await drone.wait(for: .errorLoading)
            }
        }
        let last = try #require(fixture.reports.all.last)
        #expect(last.detail?.cause == .imagePullFailed)
        #expect(last.detail?.message?.contains("127.0.0.1:1/no/such:image") == true)
    }
}
