import PlaneProtocol
import PlaneService
import PlaneTestSupport
import Testing

@testable import DroneCore

/// What the agent relies on, of the engine in memory and of Docker alike.
@Suite struct EngineContractTests {
    /// Whatever the test does, no container is left behind.
    private func with(
        _ kind: EngineUnderTest, _ body: (any Engine & EngineFeeds, BackendID) async throws -> Void
    ) async throws {
        let engine = try await kind.make()
        let id = BackendID.random()
        do {
            try await body(engine, id)
        } catch {
            try await engine.remove(id)
            throw error
        }
        try await engine.remove(id)
    }

    @Test("what is absent is told as absent, and stopping or removing it is harmless", arguments: EngineUnderTest.available)
    func absent(kind: EngineUnderTest) async throws {
        try await self.with(kind) { engine, id in
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
            try await engine.create(kind.serving(id))
            #expect(try await engine.inspect(id) == .created)
            try await engine.start(id)
            try await engine.start(id)
            guard case .running(let ip) = try await engine.inspect(id) else {
                Issue.record("it does not run")
                return
            }
            #expect(ip != nil)
            try await engine.stop(id, grace: .seconds(5))
            guard case .exited = try await engine.inspect(id) else {
                Issue.record("it still runs")
                return
            }
            try await engine.stop(id, grace: .seconds(5))
            try await engine.remove(id)
            #expect(try await engine.inspect(id) == .absent)
        }
    }

    @Test("a running container is removed as well", arguments: EngineUnderTest.available)
    func removeRunning(kind: EngineUnderTest) async throws {
        try await self.with(kind) { engine, id in
            try await engine.create(kind.serving(id))
            try await engine.start(id)
            try await engine.remove(id)
            #expect(try await engine.inspect(id) == .absent)
        }
    }

    @Test("a second container of the same name is refused as such", arguments: EngineUnderTest.available)
    func nameTaken(kind: EngineUnderTest) async throws {
        try await self.with(kind) { engine, id in
            try await engine.create(kind.serving(id))
            let failure = await #expect(throws: EngineFailure.self) { try await engine.create(kind.serving(id)) }
            #expect(failure?.code == .nameTaken)
        }
    }

    @Test("an image that is not there is told as such", arguments: EngineUnderTest.available)
    func imageMissing(kind: EngineUnderTest) async throws {
        try await self.with(kind) { engine, id in
            let failure = await #expect(throws: EngineFailure.self) { try await engine.create(kind.missing(id)) }
            #expect(failure?.code == .imageMissing)
        }
    }

    @Test("a program that cannot be run is refused, whoever asks again", arguments: EngineUnderTest.available)
    func broken(kind: EngineUnderTest) async throws {
        try await self.with(kind) { engine, id in
            try await engine.create(kind.broken(id))
            let failure = await #expect(throws: EngineFailure.self) { try await engine.start(id) }
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
                try await engine.create(kind.exiting(id))
                try await engine.start(id)
                try await eventually("it has ended") {
                    try await engine.inspect(id) == .exited(code: 3, outOfMemory: false)
                }
                (engine as? FakeEngine)?.end(id, code: 3)
                try await eventually("it was told") { told.all.contains(.ended(id)) }
                group.cancelAll()
            }
        }
    }

    @Test("containers are listed with backend and drone, whatever their state", arguments: EngineUnderTest.available)
    func list(kind: EngineUnderTest) async throws {
        try await self.with(kind) { engine, id in
            let drone = DroneID.random()
            try await engine.create(kind.serving(id, drone: drone))
            #expect(try await engine.list().filter { $0.backend == id } == [.init(backend: id, drone: drone, isRunning: false)])
            try await engine.start(id)
            #expect(try await engine.list().filter { $0.backend == id } == [.init(backend: id, drone: drone, isRunning: true)])
        }
    }

    @Test("A21: a last line without a line feed is not lost to who follows", arguments: EngineUnderTest.available)
    func unfinishedLine(kind: EngineUnderTest) async throws {
        try await self.with(kind) { engine, id in
            try await engine.create(kind.endingUnfinished(id))
            try await engine.start(id)
            (engine as? FakeEngine)?.say("first\n", in: id)
            (engine as? FakeEngine)?.say("unfinished", in: id)
            (engine as? FakeEngine)?.end(id, code: 0)
            let all = Recorder<LogChunk>()
            try await engine.readLog(of: id, after: nil) { all.record($0) }
            let words = all.all.map { $0.text.split { $0.isWhitespace }.last.map(String.init) }
            #expect(words == ["first", "unfinished"])
            #expect(try await engine.lastLines(of: id, count: 1) == ["unfinished"])
            #expect(try await engine.lastLines(of: id, count: 5) == ["first", "unfinished"])
        }
    }

    @Test("A21: a log is read from the beginning, or after what was seen", arguments: EngineUnderTest.available)
    func logs(kind: EngineUnderTest) async throws {
        try await self.with(kind) { engine, id in
            try await engine.create(kind.serving(id))
            try await engine.start(id)
            (engine as? FakeEngine)?.say("one\n", in: id, .stderr)
            (engine as? FakeEngine)?.say("two\n", in: id, .stderr)
            if case .running(let ip?) = try await engine.inspect(id), kind == .docker {
                // It prints before it serves.
                #expect(await ReadinessProber().waitForAnswer(from: ContainerAddress(ip: ip, port: 8080), limit: .seconds(20)) == .answered)
            }
            try await engine.stop(id, grace: .seconds(5))
            let all = Recorder<LogChunk>()
            try await engine.readLog(of: id, after: nil) { all.record($0) }
            #expect(all.all.map { $0.text.split(separator: " ").last.map(String.init) } == ["one\n", "two\n"])
            #expect(all.all.allSatisfy { $0.stream == .stderr })
            let rest = Recorder<LogChunk>()
            try await engine.readLog(of: id, after: all.all.first?.time) { rest.record($0) }
            #expect(rest.all == Array(all.all.dropFirst()))
        }
    }
}
