import PlaneTestSupport
import Synchronization
import Testing

@testable import PlanBPolicy

@Suite("Looking at so many backends at once") struct SlotPoolTests {
    private final class Visitors: Sendable {
        struct State {
            var inside = 0
            var most = 0
            var done = 0
            var isOpen = false
        }

        let state = Mutex(State())
    }

    @Test("five get a slot, the others wait for one to be given back, and all get their turn")
    func slots() async throws {
        let pool = SlotPool(count: 5)
        let visitors = Visitors()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    try await pool.withSlot { () -> Result<Void, any Error> in
                        visitors.state.withLock { state in
                            state.inside += 1
                            state.most = max(state.most, state.inside)
                        }
                        defer { visitors.state.withLock { $0.inside -= 1 } }
                        do { try await eventually("the gate opens") { visitors.state.withLock { $0.isOpen } } } catch { return .failure(error) }
                        visitors.state.withLock { $0.done += 1 }
                        return .success(())
                    }.get()
                }
            }
            try await eventually("five are inside") { visitors.state.withLock { $0.inside } == 5 }
            visitors.state.withLock { $0.isOpen = true }
            try await group.waitForAll()
        }
        #expect(visitors.state.withLock { $0.done } == 20 && visitors.state.withLock { $0.most } == 5)
    }
}
