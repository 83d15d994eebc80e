import DroneStore
import PlaneProtocol
import PlaneTestSupport
import Synchronization
import Testing

@testable import DroneCore

@Suite("Log allowance") struct LogAllowanceTests {
    /// How many of so many lines pass at one moment.
    private func passing(_ count: Int, of allowance: inout LogAllowance, bytes: Int = 10, at now: Duration) -> Int {
        (0..<count).count { _ in allowance.admits(bytes: bytes, at: now) }
    }

    @Test("ten seconds' worth passes at once, and then so many lines a second")
    func rate() {
        var allowance = LogAllowance(linesPerSecond: 100)
        #expect(self.passing(5_000, of: &allowance, at: .seconds(3)) == 1_000)
        #expect(self.passing(5_000, of: &allowance, at: .seconds(4)) == 100)
        #expect(self.passing(5_000, of: &allowance, at: .seconds(1_000)) == 1_000)
    }

    @Test("each KiB of a line counts as one, and one larger than everything passes when there is everything")
    func bytes() {
        var allowance = LogAllowance(linesPerSecond: 1)
        #expect(self.passing(100, of: &allowance, bytes: 2_048, at: .zero) == 5)
        #expect(self.passing(1, of: &allowance, bytes: 65_536, at: .seconds(5)) == 0)
        #expect(self.passing(1, of: &allowance, bytes: 65_536, at: .seconds(100)) == 1)
        #expect(self.passing(1, of: &allowance, bytes: 1, at: .seconds(100)) == 0)
    }
}

@Suite("Log pump", .timeLimit(.minutes(10))) struct LogPumpTests {
    /// Prints so many lines each time it is read, and then nothing until it is told to end.
    private final class Shouting: EngineFeeds {
        let lines: Int
        /// Whether each reading was of new lines only.
        let readings = Recorder<Bool>()
        let delivered = Mutex(0)
        private let end = AsyncStream.makeStream(of: Void.self)

        init(lines: Int) { self.lines = lines }

        func readLog(
            of container: ContainerHandle, after since: WireTime?, onlyNew: Bool, _ body: @Sendable (LogChunk) async -> Void
        ) async throws(BackendEngineError) {
            self.readings.record(onlyNew)
            for number in 0..<self.lines where !Task.isCancelled {
                self.delivered.withLock { $0 += 1 }
                await body(LogChunk(stream: .stdout, time: WireTime(seconds: Int64(number)), text: "y\n"))
            }
            for await _ in self.end.stream {}
        }

        func stop() { self.end.continuation.finish() }

        func watchExits(since: WireTime, _ body: @Sendable (ExitEvent) async -> Void) async throws(BackendEngineError) {}
        func lastLines(of container: ContainerHandle, count: Int) async throws(BackendEngineError) -> [String] { [] }
        func usage(of container: ContainerHandle) async throws(BackendEngineError) -> UsageSample? { nil }
    }

    private struct Fixture {
        let feeds: Shouting
        let time = ManualTime()
        let messages = Recorder<BackendLogMessage>()
        let pump: LogPump

        init(lines: Int, perSecond: Int? = 10) {
            self.feeds = Shouting(lines: lines)
            self.pump = LogPump(
                of: .make(), from: self.feeds, after: nil, cursors: LogCursors(), allowance: perSecond.map { LogAllowance(linesPerSecond: $0) },
                uptime: { [time] in time.uptime }, publish: { [messages] in messages.record($0) }, logger: AgentFixture.logger)
        }

        var notes: [String] { self.messages.all.filter { $0.kind == .meta }.map(\.text) }
        var lines: Int { self.messages.all.count { $0.kind == .stdout } }

        func whileFollowing(_ body: () async throws -> Void) async throws {
            let (pump, time) = (self.pump, self.time)
            let following = Task { await pump.follow(ContainerHandle(of: .make())) { try await time.wait($0) } }
            defer { following.cancel() }
            try await body()
        }
    }

    @Test("what is beyond the allowance is dropped, and one line says how many, also of a backend that is silent then")
    func counted() async throws {
        let fixture = Fixture(lines: 120)
        try await fixture.whileFollowing {
            try await fixture.time.pass(5)
            try await eventually("the gap is told") { !fixture.notes.isEmpty }
        }
        #expect(fixture.lines == 100)
        #expect(fixture.notes == ["20 lines were dropped: this drone passes on 10 a second of one backend (agent.docker.limits.log_lines_per_sec)."])
        #expect(fixture.messages.all.last?.kind == .meta)
    }

    @Test("a backend that shouts is not even read until it may be told again, and then from where it is")
    func shouting() async throws {
        let fixture = Fixture(lines: 1_000_000)
        try await fixture.whileFollowing {
            try await fixture.time.pass(5)
            try await eventually("it is read again") { fixture.feeds.readings.all.count == 2 }
            try await fixture.time.waitForSleeper(5)
        }
        #expect(fixture.feeds.readings.all == [false, true])
        #expect(fixture.lines == 100 + 50)
        #expect(fixture.notes.first?.hasPrefix("50 lines or more were dropped") == true)
        // What passes and what is counted, twice.
        #expect(fixture.feeds.delivered.withLock { $0 } <= 100 + 50 + 50 + 50)
    }

    @Test("the rest of an ended backend's output is passed on as far as the allowance goes, with a line about what is missing")
    func drain() async {
        let fixture = Fixture(lines: 130)
        fixture.feeds.stop()
        await fixture.pump.drain(ContainerHandle(of: .make()))
        #expect(fixture.lines == 100)
        #expect(fixture.notes.map { $0.prefix(8) } == ["30 lines"])
    }

    @Test("without an allowance everything is passed on")
    func unlimited() async {
        let fixture = Fixture(lines: 5_000, perSecond: nil)
        fixture.feeds.stop()
        await fixture.pump.drain(ContainerHandle(of: .make()))
        #expect(fixture.lines == 5_000)
        #expect(fixture.notes.isEmpty)
    }
}
