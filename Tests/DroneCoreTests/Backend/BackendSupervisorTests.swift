import DroneStore
import GRDB
import Logging
import PlaneProtocol
import PlaneTestSupport
import Synchronization
import Testing

@testable import DroneCore

@Suite struct BackendSupervisorTests {
    /// Runs the supervisor for as long as `body` takes, and then cancels it.
    private func running(_ supervisor: BackendSupervisor, _ body: () async throws -> Void) async throws {
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await supervisor.run() }
            try await body()
            group.cancelAll()
        }
    }

    @Test("a backend becomes ready, is routed, and its reports tell every state with the times of its phases")
    func becomesReady() async throws {
        let drone = try DroneFixture()
        let backend = try await drone.admit(.make())
        try await self.running(backend) {
            try await drone.wait(for: .ready, of: .make())
            #expect(backend.isRunning)
        }
        #expect(try drone.store.route("b-1")?.address == "127.0.0.1:8080")
        let reports = try await drone.reports()
        #expect(reports.map(\.state) == [.loading, .starting, .ready])
        #expect(reports.allSatisfy { $0.drone == .make() })
        let phases = try #require(reports.last?.detail?.phases)
        #expect(phases.created != nil && phases.started != nil && phases.ready != nil)
        #expect(phases.pulled == nil)
    }

    @Test("an image that is there is not asked about; a container takes one create, one start, one look")
    func fewestCalls() async throws {
        let drone = try DroneFixture()
        let backend = try await drone.admit(.make())
        try await self.running(backend) { try await drone.wait(for: .ready, of: .make()) }
        #expect(drone.engine.calls.filter { $0 != .logs } == [.create, .start, .inspect])
    }

    @Test("a container that runs and has no address yet is looked at again; one that gets none within a second is at an end")
    func addressComesLate() async throws {
        for (looks, state) in [(3, .ready), (1000, .failed)] as [(Int, BackendState)] {
            let drone = try DroneFixture()
            drone.engine.state.withLock { $0.addresslessLooks = looks }
            let backend = try await drone.admit(.make())
            try await self.running(backend) {
                for _ in 0..<min(looks, 9) { try await drone.time.pass(1) }
                try await drone.wait(for: state, of: .make())
            }
            #expect(drone.engine.calls.filter { $0 == .inspect }.count == (state == .ready ? 4 : 10))
        }
    }

    @Test("an idle backend is swept, stopped and removed, and nothing of it is left")
    func sweeps() async throws {
        let drone = try DroneFixture()
        let backend = try await drone.admit(.make(idle: 10))
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await backend.run() }
            try await drone.wait(for: .ready, of: .make())
            try await drone.time.pass(11)
        }  // ends when the supervisor does
        #expect(try await drone.state(of: .make()) == .swept)
        #expect(drone.engine.containers.isEmpty)
        #expect(try await drone.reports().last?.detail?.cause == .idle)
    }

    @Test("an end is logged once, with image, state, cause and exit code, as a warning where something went wrong")
    func loggedEnds() async throws {
        for (image, level, state, cause, code) in [
            (FakeEngine.Image.exits(7), Logger.Level.warning, "ErrorStarting", "crash_on_boot", "7"),
            (.broken, .warning, "ErrorLoading", "container_refused", nil),
            (.serves, .info, "Swept", "idle", nil),
        ] as [(FakeEngine.Image, Logger.Level, String, String, String?)] {
            let recorder = LogRecorder()
            let drone = try DroneFixture(images: ["demo": image], logger: recorder.logger)
            let backend = try await drone.admit(.make(idle: 10))
            try await withThrowingDiscardingTaskGroup { group in
                group.addTask { await backend.run() }
                if image == .serves {
                    try await drone.wait(for: .ready, of: .make())
                    try await drone.time.pass(11)
                }
            }  // ends when the supervisor does
            let ends = recorder.entries.filter { $0.message == "backend has ended" }
            let end = try #require(ends.first, "\(recorder.text)")
            #expect(ends.count == 1 && end.level == level, "\(recorder.text)")
            #expect(end.metadata["image"] == "demo" && end.metadata["state"] == "\(state)" && end.metadata["cause"] == "\(cause)", "\(end.metadata)")
            #expect(end.metadata["exit_code"].map { "\($0)" } == code, "\(end.metadata)")
        }
    }

    @Test("activity puts the sweep off")
    func activity() async throws {
        let drone = try DroneFixture()
        let backend = try await drone.admit(.make(idle: 10))
        try await self.running(backend) {
            try await drone.wait(for: .ready, of: .make())
            try await drone.time.waitForSleeper(11)
            try drone.store.recordActivity(["b-1"], at: drone.time.now.seconds + 5)
            try await drone.time.pass(11)
            try await drone.time.pass(5)  // it looked, and sleeps until the new deadline
            try await drone.wait(for: .swept, of: .make())
        }
    }

    @Test("a clock that is set forth ends nobody, and one that is set back keeps nobody", arguments: [100_000, -100_000] as [Int64])
    func clockSet(by seconds: Int64) async throws {
        let drone = try DroneFixture()
        let backend = try await drone.admit(.make(idle: 10))
        try await self.running(backend) {
            try await drone.wait(for: .ready, of: .make())
            try await drone.time.waitForSleeper(11)
            drone.time.set(by: seconds)
            try await drone.time.pass(11)  // it notices, and the idle time begins anew
            try await drone.time.pass(11)
            try await drone.wait(for: .swept, of: .make())
        }
        #expect(try await drone.reports().map(\.state) == [.loading, .starting, .ready, .ready, .swept])
    }

    @Test("an agent that starts after the clock was set back does not wait for the old time to come again")
    func activityAhead() async throws {
        let drone = try DroneFixture()
        let first = try await drone.admit(.make(idle: 10))
        try await self.running(first) { try await drone.wait(for: .ready, of: .make()) }
        drone.time.set(by: -100_000)
        let record = try #require(try await drone.store.backend(.make()))
        let second = BackendSupervisor(record.spec, from: .ready, acceptedAt: nil, in: drone.context)
        try await self.running(second) {
            try await drone.time.pass(11)
            try await drone.wait(for: .swept, of: .make())
        }
    }

    @Test("an exit is told with its code, after everything that was printed", arguments: [(0, .exited), (3, .failed)] as [(Int64, BackendState)])
    func exits(code: Int64, state: BackendState) async throws {
        let drone = try DroneFixture()
        let backend = try await drone.admit(.make())
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await backend.run() }
            try await drone.wait(for: .ready, of: .make())
            drone.engine.say("last words\n", in: .make(), .stderr)
            drone.engine.end(.make(), code: code)
            backend.exitHint()
        }
        #expect(try await drone.state(of: .make()) == state)
        #expect(try await drone.store.backend(.make())?.exitCode == code)
        let expected = [BackendLogMessage(backendID: .make(), kind: .stderr, text: "last words\n")]
        let note = BackendLogMessage(backendID: .make(), kind: .meta, text: "Backend exit code: \(code)")
        #expect(drone.logs.all == (code == 0 ? expected : expected + [note]))
    }

    @Test("A5: an image that cannot run is told in the log and leaves no container", arguments: [PullPolicy.ifNotPresent, .never])
    func errorLoading(policy: PullPolicy) async throws {
        let drone = try DroneFixture(images: ["demo": .broken])
        let backend = try await drone.admit(.make(policy: policy))
        await backend.run()
        #expect(try await drone.reports().map(\.state) == [.loading, .errorLoading])
        #expect(drone.logs.all.map(\.kind) == [.meta])
        #expect(drone.engine.containers.isEmpty)
    }

    @Test("a missing image is pulled, once, and then created from")
    func pulls() async throws {
        let drone = try DroneFixture(images: [:])
        drone.engine.state.withLock { $0.registry["demo"] = .serves }
        let backend = try await drone.admit(.make())
        try await self.running(backend) { try await drone.wait(for: .ready, of: .make()) }
        #expect(drone.engine.calls.filter { $0 != .logs } == [.create, .pull, .create, .start, .inspect])
        #expect(try await drone.reports().last?.detail?.phases?.pulled != nil)
        #expect(drone.logs.all.map(\.text) == ["Pulling demo: asking the registry", "Pulling demo: done"])
        #expect(drone.logs.all.allSatisfy { $0.kind == .meta })
    }

    @Test("a container that ends before it answers did not start")
    func errorStarting() async throws {
        let drone = try DroneFixture(images: ["demo": .exits(1)])
        let backend = try await drone.admit(.make())
        await backend.run()
        #expect(try await drone.reports().map(\.state) == [.loading, .starting, .errorStarting])
    }

    @Test("a port that stays silent for too long ends the backend")
    func timesOut() async throws {
        let drone = try DroneFixture()
        drone.port.withLock { $0 = .timesOut }
        let backend = try await drone.admit(.make())
        await backend.run()
        #expect(try await drone.reports().map(\.state) == [.loading, .starting, .starting, .timedOutBeforeReady])
        #expect(drone.engine.containers.isEmpty)
    }

    @Test("A8: any number of hints and terminations at once hold up nobody, and every termination is answered")
    func signals() async throws {
        let drone = try DroneFixture()
        let backend = try await drone.admit(.make())
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await backend.run() }
            try await drone.wait(for: .ready, of: .make())
            drone.engine.hold(.inspect)
            for _ in 0..<1000 { backend.exitHint() }
            await withDiscardingTaskGroup { asking in
                for _ in 0..<100 { asking.addTask { await backend.terminate() } }
            }
            #expect(try await drone.store.backend(.make())?.ending?.state == .terminated)
            drone.engine.release(.inspect)
        }
        #expect(try await drone.reports().map(\.state) == [.loading, .starting, .ready, .ready, .terminated])
        #expect(drone.engine.containers.isEmpty)
    }

    @Test("the report of an end that was asked for tells who was the first to ask")
    func requesters() async throws {
        let drone = try DroneFixture()
        let backend = try await drone.admit(.make())
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await backend.run() }
            try await drone.wait(for: .ready, of: .make())
            await backend.terminate(requestedBy: "bob@bastion")
            await backend.terminate(requestedBy: "carol@bastion")
        }
        #expect(try await drone.reports().map { $0.detail?.requestedBy } == [nil, nil, nil, "bob@bastion", "bob@bastion"])
    }

    @Test("A22: a backend terminated while its container is made, and one that had ended before, leave nothing of their supervisor")
    func nothingIsLeft() async throws {
        let drone = try DroneFixture()
        weak var terminated: BackendSupervisor?
        try await withThrowingDiscardingTaskGroup { group in
            let backend = try await drone.admit(.make())
            terminated = backend
            drone.engine.hold(.create)
            group.addTask { await backend.run() }
            try await eventually("it is being made") { drone.engine.calls.contains(.create) }
            await backend.terminate()
            drone.engine.release(.create)
        }
        #expect(terminated == nil)
        weak var ended: BackendSupervisor?
        do {
            let backend = BackendSupervisor(.make(), from: .ended(BackendOutcome(.exited, nil)), acceptedAt: nil, in: drone.context)
            ended = backend
            await backend.run()
        }
        #expect(ended == nil)
        #expect(drone.engine.containers.isEmpty)
    }

    @Test("an end tells what was printed last, of a crash as of an idle backend")
    func lastLines() async throws {
        for ends in ["crashed", "idle"] {
            let drone = try DroneFixture()
            let backend = try await drone.admit(.make(idle: 10))
            try await withThrowingDiscardingTaskGroup { group in
                group.addTask { await backend.run() }
                try await drone.wait(for: .ready, of: .make())
                drone.engine.say("first\n", in: .make())
                drone.engine.say("last, unfinished", in: .make())
                if ends == "idle" {
                    try await drone.time.pass(11)
                } else {
                    drone.engine.end(.make(), code: 1)
                    backend.exitHint()
                }
            }
            let detail = try #require(try await drone.reports().last?.detail)
            #expect(detail.lastLines == ["first", "last, unfinished"])
            #expect(detail.cause == (ends == "idle" ? .idle : .exitedByItself))
        }
    }

    @Test("an engine that does not tell what was printed last holds no end up")
    func lastLinesNotToBeHad() async throws {
        let drone = try DroneFixture()
        drone.engine.fail(.lastLines, with: BackendEngineError(.unavailable, "away"))
        let backend = try await drone.admit(.make())
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await backend.run() }
            try await drone.wait(for: .ready, of: .make())
            await backend.terminate()
        }
        let detail = try #require(try await drone.reports().last?.detail)
        #expect(detail.cause == .requested)
        #expect(detail.lastLines == nil)
    }

    @Test("A12: terminate returns when it is stored that the end has begun; the end is told when the process is gone, and not before")
    func terminate() async throws {
        let drone = try DroneFixture()
        let backend = try await drone.admit(.make())
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await backend.run() }
            try await drone.wait(for: .ready, of: .make())
            _ = try await drone.reports()
            drone.engine.hold(.stop)
            await backend.terminate(requestedBy: "bob@bastion")

            let record = try #require(try await drone.store.backend(.make()))
            #expect(record.state == .ready)
            #expect(record.ending?.ending == BackendEnding(.soft, .external, at: drone.time.now))
            #expect(try drone.store.route("b-1")?.state == .terminated, "the proxy sends nothing there any more")
            #expect(try drone.store.route("b-1")?.address == nil)
            let reports = try await drone.reports()
            #expect(reports.map(\.state) == [.ready])
            #expect(reports.first?.detail?.ending?.reason == .external)
            #expect(reports.first?.detail?.requestedBy == "bob@bastion")
            #expect(drone.engine.containers[.make()]?.process == .running)
            drone.engine.release(.stop)
        }
        let reports = try await drone.reports()
        #expect(reports.map(\.state) == [.terminated])
        #expect(reports.first?.detail?.ending == nil)
        #expect(drone.engine.containers.isEmpty)
    }

    @Test("the first end stands: what was found idle and is then asked for is swept, in the table as in both reports")
    func firstEndStands() async throws {
        let drone = try DroneFixture()
        let backend = try await drone.admit(.make(idle: 10))
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await backend.run() }
            try await drone.wait(for: .ready, of: .make())
            drone.engine.hold(.stop)
            try await drone.time.pass(11)
            try await eventually("its end has begun") { try await drone.store.backend(.make())?.ending != nil }
            await backend.terminate()
            drone.engine.release(.stop)
        }
        let reports = try await drone.reports()
        #expect(reports.map(\.state) == [.loading, .starting, .ready, .ready, .swept])
        #expect(reports.compactMap { $0.detail?.ending?.reason } == [.swept])
    }

    @Test(
        "an agent that comes between the beginning of an end and the end stops the process and then tells it, whatever it finds",
        arguments: [
            nil, FakeEngine.Container.Process.running, .exited(0),
        ])
    func goesOnWithAnEnding(process: FakeEngine.Container.Process?) async throws {
        let drone = try DroneFixture()
        let first = try await drone.admit(.make())
        try await self.running(first) {
            try await drone.wait(for: .ready, of: .make())
            drone.engine.hold(.stop)
            await first.terminate(requestedBy: "bob@bastion")
            drone.engine.fail(.stop, with: BackendEngineError(.unavailable, "the agent is gone"))
            drone.engine.release(.stop)
        }
        #expect(try await drone.state(of: .make()) == .ready)
        drone.engine.fail(.stop, with: nil)
        drone.engine.state.withLock { state in
            if let process { state.containers[.make()]?.process = process } else { state.containers = [:] }
        }
        let registry = BackendRegistry(context: drone.context)
        try await registry.resume()
        let next = try #require(await registry.supervisor(of: .make()))
        await next.run()
        let reports = try await drone.reports()
        #expect(reports.map(\.state) == [.loading, .starting, .ready, .ready, .terminated])
        #expect(reports.last?.detail?.cause == .requested)
        #expect(reports.last?.detail?.requestedBy == "bob@bastion")
        #expect(drone.engine.containers.isEmpty)
    }

    @Test("a backend that did not answer in time is killed at once, and told so")
    func hardEnd() async throws {
        let drone = try DroneFixture()
        drone.port.withLock { $0 = .timesOut }
        let backend = try await drone.admit(.make())
        await backend.run()
        let ending = try #require(try await drone.reports().compactMap { $0.detail?.ending }.first)
        #expect(ending.kind == .hard)
        #expect(ending.reason == .startupTimeout)
        #expect(drone.engine.graces == [.zero])
    }

    @Test("A26: terminated while being created, it is removed once the creation has returned")
    func terminateWhileCreating() async throws {
        let drone = try DroneFixture()
        drone.engine.hold(.create)
        let backend = try await drone.admit(.make())
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await backend.run() }
            try await eventually("create is under way") { drone.engine.calls.contains(.create) }
            await backend.terminate()
            #expect(try await drone.store.backend(.make())?.ending != nil)
            drone.engine.release(.create)
        }
        #expect(drone.engine.containers.isEmpty)
        #expect(drone.engine.calls.contains(.remove))
    }

    @Test("terminating a backend whose port is silent does not wait for the port")
    func terminateWhileProbing() async throws {
        let drone = try DroneFixture()
        drone.port.withLock { $0 = .silent }
        let backend = try await drone.admit(.make())
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await backend.run() }
            try await drone.wait(for: .starting, of: .make())
            await backend.terminate()
        }
        #expect(try await drone.reports().map(\.state) == [.loading, .starting, .starting, .terminated])
    }

    @Test("terminating what is not run any more returns at once")
    func terminateAfterEnd() async throws {
        let drone = try DroneFixture(images: ["demo": .broken])
        let backend = try await drone.admit(.make())
        await backend.run()
        await backend.terminate()
    }

    @Test("A6: while the engine is away, a stop is tried again with growing pauses, and the outcome stays what it was")
    func engineAway() async throws {
        let drone = try DroneFixture()
        drone.engine.hold(.logs)  // the only sleeper is to be the one that stops
        let backend = try await drone.admit(.make(idle: 1_000_000))
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await backend.run() }
            try await drone.wait(for: .ready, of: .make())
            drone.engine.fail(.stop, with: BackendEngineError(.unavailable, "docker is gone"))
            await backend.terminate()
            for (failures, pause) in zip(1..., [1, 1, 1, 2, 5] as [Int64]) {
                try await eventually("stop has failed") { drone.engine.calls.filter { $0 == .stop }.count == failures }
                try await drone.time.pass(pause)
            }
            try await drone.time.waitForSleeper(10)
            drone.engine.fail(.stop, with: nil)
            drone.engine.release(.logs)
            try await drone.time.pass(10)
        }
        #expect(try await drone.state(of: .make()) == .terminated)
        #expect(try await drone.reports().map(\.state) == [.loading, .starting, .ready, .ready, .terminated])
        #expect(drone.engine.containers.isEmpty)
    }

    @Test("A16: a route that is gone is written again, and the backend lives on")
    func routeRestored() async throws {
        let drone = try DroneFixture()
        let backend = try await drone.admit(.make(idle: 10))
        try await self.running(backend) {
            try await drone.wait(for: .ready, of: .make())
            let thief = BackendTransition.Route(address: "127.0.0.1:8080", bearerToken: nil)
            let other = try await drone.store.admit(.make(.make("thief")), acceptedAt: 1, report: [])
            #expect(other == .admitted)
            try await drone.store.ensureRoute(of: .make("thief"), thief, at: drone.time.now.seconds)
            #expect(try drone.store.route("b-1")?.address == nil)
            try await drone.time.pass(11)
            try await eventually("the route is back") { try drone.store.route("b-1")?.address == "127.0.0.1:8080" }
            #expect(try await drone.state(of: .make()) == .ready)
        }
    }

    @Test("a cancelled supervisor leaves its container and its state to the next agent, which rejoins without a new report")
    func handedOver() async throws {
        let drone = try DroneFixture()
        let first = try await drone.admit(.make(idle: 10))
        try await self.running(first) { try await drone.wait(for: .ready, of: .make()) }
        #expect(drone.engine.containers.count == 1)
        _ = try await drone.reports()

        let second = BackendSupervisor(.make(idle: 10), from: .ready, acceptedAt: nil, in: drone.context)
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await second.run() }
            try await drone.time.pass(11)
        }
        #expect(try await drone.reports().map(\.state) == [.ready, .swept])
        #expect(drone.engine.containers.isEmpty)
    }

    @Test(
        "A4: killed while the container was being made, the next agent goes on from what is there",
        arguments: [
            nil, FakeEngine.Container.Process.created, .running,
        ])
    func resumesLoading(process: FakeEngine.Container.Process?) async throws {
        let drone = try DroneFixture()
        _ = try await drone.admit(.make())
        if let process {
            drone.engine.state.withLock { $0.containers[.make()] = .init(image: "demo", process: process) }
        }
        let next = BackendSupervisor(.make(), from: .loading, acceptedAt: nil, in: drone.context)
        try await self.running(next) { try await drone.wait(for: .ready, of: .make()) }
        #expect(drone.engine.containers.count == 1)
    }

    @Test("the container's handle is in the table from Starting on, with what it was called and labelled")
    func handleStored() async throws {
        let drone = try DroneFixture()
        let backend = try await drone.admit(.make())
        #expect(try await drone.store.backend(.make())?.container == ContainerHandle(of: .make()), "nothing is known of it yet")
        try await self.running(backend) { try await drone.wait(for: .ready, of: .make()) }
        let container = try #require(drone.engine.containers[.make()]).handle(of: .make())
        #expect(try await drone.store.backend(.make())?.container == container)
    }

    @Test("a row of an agent that kept no handle is carried on: the handle is completed from the engine, and stored")
    func handleRecovered() async throws {
        let drone = try DroneFixture()
        let first = try await drone.admit(.make(idle: 10))
        try await self.running(first) { try await drone.wait(for: .ready, of: .make()) }
        let queue = try DatabaseQueue(path: drone.directory.file("drone.sqlite3"))
        try await queue.write { db in
            try db.execute(sql: "UPDATE plane_backend SET container = NULL, container_name = NULL, container_labels = NULL")
        }
        let container = try #require(drone.engine.containers[.make()]).handle(of: .make())
        let registry = BackendRegistry(context: drone.context)
        try await registry.resume()
        let next = try #require(await registry.supervisor(of: .make()))
        #expect(next.containerHandle.id == nil)
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await next.run() }
            try await eventually("it is stored") { try await drone.store.backend(.make())?.container == container }
            try await drone.time.pass(11)
        }
        #expect(try await drone.state(of: .make()) == .swept)
        #expect(drone.engine.containers.isEmpty)
    }

    @Test("a creation whose answer was lost is undone: the container is found by its labels")
    func lostCreation() async throws {
        let drone = try DroneFixture()
        drone.engine.state.withLock { $0.losesAnswers = true }
        let backend = try await drone.admit(.make())
        await backend.run()
        #expect(try await drone.state(of: .make()) == .errorLoading)
        #expect(drone.engine.containers.isEmpty)
    }

    @Test("an exit that happened while no agent ran is reported with its true code")
    func exitWhileAway() async throws {
        let drone = try DroneFixture()
        let first = try await drone.admit(.make())
        try await self.running(first) { try await drone.wait(for: .ready, of: .make()) }
        drone.engine.end(.make(), code: 17, tells: false)
        let next = BackendSupervisor(.make(), from: .ready, acceptedAt: nil, in: drone.context)
        await next.run()
        let last = try #require(try await drone.reports().last)
        #expect(last.state == .failed)
        #expect(last.detail?.exitCode == 17)
    }

    @Test("a container of that name that is not ours is left alone")
    func foreignContainer() async throws {
        let drone = try DroneFixture()
        drone.engine.state.withLock { $0.containers[.make()] = .init(image: "demo", process: .running, isForeign: true) }
        let backend = try await drone.admit(.make())
        await backend.run()
        #expect(try await drone.state(of: .make()) == .errorLoading)
        #expect(drone.engine.containers.count == 1)
        #expect(!drone.engine.calls.contains(.remove))
    }
}
