import Synchronization
import PlaneTestSupport
import Testing

@testable import PlanBPolicy

@Suite("Looking at so many backends at once") struct SlotPoolTests {
    @Test("five get a slot, the others wait for one to be given back, and all get their turn")
    func slots() async throws {
        let pool = SlotPool(count: 5)
        let (inside, done, most) = (Mutex(0), Mutex(0), Mutex(0))
        let gate = Mutex(false)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    try await pool.withSlot { () -> Result<Void, any Error> in
                        let now = inside.withLock { count in
                            count += 1
                            return count
                        }
                        most.withLock { $0 = max($0, now) }
                        defer { inside.withLock { $0 -= 1 } }
                        do { try await eventually("the gate opens") { gate.withLock { $0 } } } catch { return .failure(error) }
                        done.withLock { $0 += 1 }
                        return .success(())
                    }.get()
                }
            }
            try await eventually("five are inside") { inside.withLock { $0 } == 5 }
            gate.withLock { $0 = true }
            try await group.waitForAll()
        }
        #expect(done.withLock { $0 } == 20 && most.withLock { $0 } == 5)
    }
}
