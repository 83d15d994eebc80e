import PlaneProtocol
import PlaneTestSupport
import Synchronization
import Testing

@testable import DroneCore

@Suite struct PullCoalescerTests {
    /// A fetch that waits for the test, and counts.
    private final class Fetch: Sendable {
        private let state = Mutex((runs: 0, gates: [CheckedContinuation<BackendEngineError?, Never>]()))

        var runs: Int { self.state.withLock { $0.runs } }

        func run() async throws(BackendEngineError) {
            let failure = await withCheckedContinuation { gate in
                self.state.withLock { state in
                    state.runs += 1
                    state.gates.append(gate)
                }
            }
            if let failure { throw failure }
        }

        func finish(_ failure: BackendEngineError? = nil) {
            let gates = self.state.withLock { state in
                defer { state.gates = [] }
                return state.gates
            }
            for gate in gates { gate.resume(returning: failure) }
        }
    }

    private func pull(_ pulls: PullCoalescer, _ image: String, _ fetch: Fetch) async -> BackendEngineError? {
        do throws(BackendEngineError) {
            try await pulls.pull(image, credentials: nil) { (_) async throws(BackendEngineError) in try await fetch.run() }
            return nil
        } catch {
            return error
        }
    }

    @Test("A23: one image is fetched once at a time, however many wait for it", arguments: [nil, BackendEngineError(.imageNotFound, "no such image")])
    func shared(failure: BackendEngineError?) async throws {
        let pulled = Recorder<Bool>()
        let pulls = PullCoalescer { pulled.record(true) }
        let fetch = Fetch()
        let results = try await withThrowingTaskGroup(of: BackendEngineError?.self) { group in
            for _ in 0..<50 { group.addTask { await self.pull(pulls, "demo", fetch) } }
            try await eventually("all wait") { await pulls.waitingCount == 49 }
            fetch.finish(failure)
            return try await group.reduce(into: [BackendEngineError?]()) { $0.append($1) }
        }
        #expect(fetch.runs == 1)
        #expect(results == Array(repeating: failure, count: 50))
        #expect(pulled.all.count == (failure == nil ? 1 : 0))
    }

    @Test("everybody who waits is told how far the image is, at most once a second")
    func progress() {
        let meter = PullProgressReporter()
        let told = Recorder<String>()
        let start = ContinuousClock.now
        meter.listen { told.record("a: \($0)") }
        meter.step(PullStep(layer: "1", .waiting), at: start)
        meter.listen { told.record("b: \($0)") }
        meter.step(PullStep(layer: "2", .fetching(done: 1_500_000, of: 8_000_000)), at: start + .milliseconds(999))
        #expect(told.all.isEmpty)
        meter.step(PullStep(layer: "1", .done), at: start + .seconds(1))
        meter.step(PullStep(layer: "2", .fetching(done: 2_000_000, of: 8_000_000)), at: start + .milliseconds(1500))
        #expect(told.all == ["a", "b"].map { "\($0): 1 of 2 layers, 1.5 of 8.0 MB of those under way" })
        meter.step(PullStep(layer: "2", .done), at: start + .seconds(3))
        #expect(told.all.last == "b: 2 of 2 layers")
    }

    @Test("different images are fetched side by side")
    func different() async throws {
        let pulls = PullCoalescer()
        let fetch = Fetch()
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { #expect(await self.pull(pulls, "a", fetch) == nil) }
            group.addTask { #expect(await self.pull(pulls, "b", fetch) == nil) }
            try await eventually("both run") { fetch.runs == 2 }
            fetch.finish()
        }
    }

    @Test("when the one who fetches is cancelled, the next takes over")
    func takenOver() async throws {
        let pulls = PullCoalescer()
        let fetch = Fetch()
        try await withThrowingDiscardingTaskGroup { group in
            let first = Task { await self.pull(pulls, "demo", fetch) }
            try await eventually("the first fetches") { fetch.runs == 1 }
            group.addTask { #expect(await self.pull(pulls, "demo", fetch) == nil) }
            try await eventually("the second waits") { await pulls.waitingCount == 1 }
            first.cancel()
            fetch.finish(BackendEngineError(.unavailable, "cancelled"))
            try await eventually("the second fetches") { fetch.runs == 2 }
            fetch.finish()
            _ = await first.value
        }
    }

    @Test("one who is cancelled while waiting stops waiting, and the others go on")
    func waiterCancelled() async throws {
        let pulls = PullCoalescer()
        let fetch = Fetch()
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { #expect(await self.pull(pulls, "demo", fetch) == nil) }
            try await eventually("the first fetches") { fetch.runs == 1 }
            let second = Task { await self.pull(pulls, "demo", fetch) }
            try await eventually("the second waits") { await pulls.waitingCount == 1 }
            second.cancel()
            #expect(await second.value?.code == .unavailable)
            fetch.finish()
        }
        #expect(fetch.runs == 1)
    }
}
