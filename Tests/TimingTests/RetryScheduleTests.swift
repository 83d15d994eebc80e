import Synchronization
import Testing
import Timing

@Suite("Retry schedules")
struct RetryScheduleTests {
    private struct Broken: Error, Equatable { let attempt: Int }
    private let schedule = RetrySchedule(.seconds(1), .seconds(2), .seconds(5))

    @Test("the last pause repeats for ever")
    func pauses() {
        #expect([0, 1, 2, 3, 4, 1000].map { self.schedule.pause(after: $0) } == [1, 1, 2, 5, 5, 5].map { .seconds($0) })
    }

    @Test("attempts end with the first that succeeds, after the pauses before it")
    func success() async throws {
        let slept = Mutex<[Duration]>([])
        var attempts = 0
        let result = try await self.schedule.attempt(sleep: { pause in slept.withLock { $0.append(pause) } }) { () async throws(Broken) -> Int in
            attempts += 1
            guard attempts == 3 else { throw Broken(attempt: attempts) }
            return attempts
        }
        #expect(result == 3)
        #expect(slept.withLock { $0 } == [.seconds(1), .seconds(2)])
    }

    @Test("there is one attempt more than there are pauses, and the last error is told")
    func exhausted() async {
        var attempts = 0
        await #expect(throws: Broken(attempt: 4)) {
            try await self.schedule.attempt(sleep: { _ in }) { () async throws(Broken) in
                attempts += 1
                throw Broken(attempt: attempts)
            }
        }
    }

    @Test("an attempt that would begin after the end is not made")
    func end() async {
        await #expect(throws: Broken(attempt: 2)) {
            var attempts = 0
            try await RetrySchedule(.zero, .seconds(600)).attempt(before: .now + .seconds(300), sleep: { _ in }) { () async throws(Broken) in
                attempts += 1
                throw Broken(attempt: attempts)
            }
        }
    }

    @Test("an error after which another attempt is not worthwhile ends them")
    func notWorthwhile() async {
        await #expect(throws: Broken(attempt: 1)) {
            try await self.schedule.attempt(sleep: { _ in }, if: { $0.attempt > 1 }) { () async throws(Broken) in throw Broken(attempt: 1) }
        }
    }
}
