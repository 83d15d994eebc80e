import DroneStore
import PlaneProtocol
import PlaneService
import PlaneTestSupport
import Testing

@testable import DroneCore

/// What the agent relies on, of the engine in memory, of Docker and of Podman alike.
@Suite(.withPodman, .timeLimit(.minutes(3))) struct EngineContractTests {
    /// Whatever the test does, no container of the backend is left behind.
    private func with(
        _ kind: EngineUnderTest, _ body: (any Engine & EngineFeeds & EngineAccess, BackendID) async throws -> Void
    ) async throws {
        let engine = try await kind.make()
        let id = BackendID.random()
        do {
            try await body(engine, id)
        } catch {
            try await engine.remove(ContainerHandle(of: id))
            throw error
        }
        try await engine.remove(ContainerHandle(of: id))
    }

    @Test("what is absent is told as absent, and stopping or removing it is harmless", arguments: EngineUnderTest.available)
    func absent(kind: EngineUnderTest) async throws {
        try await self.with(kind) { engine, backend in
            let id = ContainerHandle(of: backend)
            #expect(try await engine.recover(id) == nil)
            #expect(try await engine.inspect(id) == .absent)
            try await engine.stop(id, grace: .seconds(1))
            try await engine.remove(id)
            #expect(try await engine.usage(of: id) == nil)
            try await engine.readLog(of: id, after: nil) { Issue.record("it printed \($0)") }
            #expect(try await engine.lastLines(of: id, count: 5).isEmpty)
        }
    }

    @Test("created, running, ended, gone", arguments: EngineUnderTest.available)
    func life(kind: EngineUnderTest) async throws {
        try await self.with(kind) { engine, id in
            let container = try await engine.create(kind.serving(id))
            #expect(try await engine.inspect(container) == .created)
            try await engine.start(container)
            try await engine.start(container)
            guard case .running(let ip) = try await engine.inspect(container) else {
                Issue.record("it does not run")
                return
            }
            #expect(ip != nil)
            try await engine.stop(container, grace: .seconds(5))
            guard case .exited = try await engine.inspect(container) else {
                Issue.record("it still runs")
                return
            }
            try await engine.stop(container, grace: .seconds(5))
            try await engine.remove(container)
            #expect(try await engine.inspect(container) == .absent)
        }
    }

    @Test("a frozen container counts as running, is thawed as often as anybody likes, and is stopped as if it were not", arguments: EngineUnderTest.available)
    func frozen(kind: EngineUnderTest) async throws {
        try await self.with(kind) { engine, id in
            let container = try await engine.create(kind.serving(id))
            try await engine.thaw(container)
            try await engine.start(container)
            // Only then does its program hear that it is to end: the first process of a container gets no signal for which it has no handler.
            (engine as? FakeEngine)?.say("one\n", in: id, .stderr)
            try await eventually("it has printed", within: .seconds(60)) { try await engine.lastLines(of: container, count: 1).isEmpty == false }
            for _ in 0..<2 { try await engine.freeze(container) }
            if case .running = try await engine.inspect(container) {} else { Issue.record("it does not run") }
            for _ in 0..<2 { try await engine.thaw(container) }
            try await engine.freeze(container)
            let began = ContinuousClock.now
            try await engine.stop(container, grace: .seconds(100))
            #expect(ContinuousClock.now - began < .seconds(60), "it was asked to end, and did")
            try await engine.thaw(container)
        }
    }

    @Test("a running container is removed as well", arguments: EngineUnderTest.available)
    func removeRunning(kind: EngineUnderTest) async throws {
        try await self.with(kind) { engine, id in
            let container = try await engine.create(kind.serving(id))
            try await engine.start(container)
            try await engine.remove(container)
            #expect(try await engine.inspect(container) == .absent)
        }
    }

    @Test("a second container of the same name is refused as such", arguments: EngineUnderTest.available)
    func nameTaken(kind: EngineUnderTest) async throws {
        try await self.with(kind) { engine, id in
            try await engine.create(kind.serving(id))
            let failure = await #expect(throws: BackendEngineError.self) { try await engine.create(kind.serving(id)) }
            #expect(failure?.code == .nameTaken)
        }
    }

    @Test("an image that is not there is told as such", arguments: EngineUnderTest.available)
    func imageMissing(kind: EngineUnderTest) async throws {
        try await self.with(kind) { engine, id in
            let failure = await #expect(throws: BackendEngineError.self) { try await engine.create(kind.missing(id)) }
            #expect(failure?.code == .imageMissing)
        }
    }

    @Test("a program that cannot be run is refused, whoever asks again", arguments: EngineUnderTest.available)
    func broken(kind: EngineUnderTest) async throws {
        try await self.with(kind) { engine, id in
            let container = try await engine.create(kind.broken(id))
            let failure = await #expect(throws: BackendEngineError.self) { try await engine.start(container) }
            #expect(failure?.code == .refused)
        }
    }

    @Test("an exit is found with its code, and told to who watches", arguments: EngineUnderTest.available)
    func exit(kind: EngineUnderTest) async throws {
        try await self.with(kind) { engine, id in
            let told = Recorder<ExitEvent>()
            let before = WireTime.now()
            try await withThrowingDiscardingTaskGroup { group in
                group.addTask { try? await engine.watchExits(since: before) { told.record($0) } }  // ends by being cancelled
                try await eventually("it listens") { told.all.contains(.listening) }
                let container = try await engine.create(kind.exiting(id))
                try await engine.start(container)
                try await eventually("it has ended") {
                    try await engine.inspect(container) == .exited(code: 3, outOfMemory: false)
                }
                (engine as? FakeEngine)?.end(id, code: 3)
                try await eventually("it was told") { told.all.contains { $0.backend == id } }
                group.cancelAll()
            }
        }
    }

    @Test(
        "a handle that has only the backend's labels, or an id that names nothing any more, leads to the container, and is completed",
        arguments: EngineUnderTest.available)
    func recover(kind: EngineUnderTest) async throws {
        try await self.with(kind) { engine, id in
            let made = try await engine.create(kind.serving(id))
            let old = ContainerHandle(of: id)
            var outdated = made
            outdated.id = String(repeating: "0", count: 64)
            #expect(made.id != nil && made.backend == id)
            for handle in [old, outdated] {
                let recovered = try #require(try await engine.recover(handle))
                #expect(recovered.id == made.id && recovered.backend == id)
                #expect(try await engine.inspect(handle) == .created)
            }
            try await engine.start(old)
            guard case .running = try await engine.inspect(outdated) else {
                Issue.record("it does not run")
                return
            }
            try await engine.stop(outdated, grace: .seconds(5))
            guard case .exited = try await engine.inspect(made) else {
                Issue.record("it still runs")
                return
            }
            try await engine.remove(old)
            #expect(try await engine.inspect(made) == .absent)
            #expect(try await engine.recover(made) == nil)
        }
    }

    @Test(
        "a container of ours with another role is listed as such, and is not taken for the backend's whose label it has", arguments: EngineUnderTest.available)
    func otherRoles(kind: EngineUnderTest) async throws {
        try await self.with(kind) { engine, id in
            var spare = ContainerHandle(id: nil, name: "spare-\(id)", labels: ContainerHandle(of: id).labels)
            spare.labels[ContainerHandle.roleLabel] = "network-spare"
            spare = try await kind.add(spare, to: engine)
            #expect(spare.backend == nil)
            let listed = try await engine.list().filter { $0.container.id == spare.id }
            #expect(listed.map(\.container.role) == [.other("network-spare")])
            #expect(try await engine.recover(ContainerHandle(of: id)) == nil)
            #expect(try await engine.inspect(ContainerHandle(of: id)) == .absent)
            try await engine.remove(ContainerHandle(of: id))
            #expect(try await engine.list().contains { $0.container.id == spare.id }, "it is spared")
            try await engine.remove(spare)
            #expect(try await !engine.list().contains { $0.container.id == spare.id })
        }
    }

    @Test("containers are listed with backend and drone, whatever their state", arguments: EngineUnderTest.available)
    func list(kind: EngineUnderTest) async throws {
        try await self.with(kind) { engine, id in
            let drone = DroneID.random()
            let container = try await engine.create(kind.serving(id, drone: drone))
            let listed = try await engine.list().filter { $0.container.backend == id }
            #expect(listed.map(\.container.id) == [container.id] && listed.map(\.drone) == [drone] && listed.map(\.isRunning) == [false])
            try await engine.start(container)
            #expect(try await engine.list().filter { $0.container.backend == id }.map(\.isRunning) == [true])
        }
    }

    @Test("A21: a last line without a line feed is not lost to who follows", arguments: EngineUnderTest.available)
    func unfinishedLine(kind: EngineUnderTest) async throws {
        try await self.with(kind) { engine, id in
            let container = try await engine.create(kind.endingUnfinished(id))
            try await engine.start(container)
            (engine as? FakeEngine)?.say("first\n", in: id)
            (engine as? FakeEngine)?.say("unfinished", in: id)
            (engine as? FakeEngine)?.end(id, code: 0)
            let all = Recorder<LogChunk>()
            try await engine.readLog(of: container, after: nil) { all.record($0) }
            let words = all.all.map { $0.text.split { $0.isWhitespace }.last.map(String.init) }
            #expect(words == ["first", "unfinished"])
            // Podman 4 joins a last line that is unfinished with the one before, when it is asked for the last ones.
            let last = try await engine.lastLines(of: container, count: 5)
            #expect(last == (kind == .podman ? ["firstunfinished"] : ["first", "unfinished"]))
            #expect(try await engine.lastLines(of: container, count: 1) == [last.last])
        }
    }

    @Test("A21: a log is read from the beginning, or after what was seen", arguments: EngineUnderTest.available)
    func logs(kind: EngineUnderTest) async throws {
        try await self.with(kind) { engine, id in
            let container = try await engine.create(kind.serving(id))
            try await engine.start(container)
            (engine as? FakeEngine)?.say("one\n", in: id, .stderr)
            (engine as? FakeEngine)?.say("two\n", in: id, .stderr)
            try await eventually("it has printed", within: .seconds(20)) { try await engine.lastLines(of: container, count: 5).count == 2 }
            try await engine.stop(container, grace: .seconds(5))
            let all = Recorder<LogChunk>()
            try await engine.readLog(of: container, after: nil) { all.record($0) }
            #expect(all.all.map { $0.text.split(separator: " ").last.map(String.init) } == ["one\n", "two\n"])
            #expect(all.all.allSatisfy { $0.stream == .stderr })
            let rest = Recorder<LogChunk>()
            try await engine.readLog(of: container, after: all.all.first?.time) { rest.record($0) }
            if kind == .podman {
                // Its times are whole seconds, so all of that second may come twice, and nothing is lost.
                #expect(rest.all.last == all.all.last && Set(rest.all).isSubset(of: all.all))
            } else {
                #expect(rest.all == Array(all.all.dropFirst()))
            }
        }
    }
}
