import Synchronization
import Testing

@testable import PlaneMessaging

@Suite("Places for work") struct WorkPlacesTests {
    /// How much is at work at the same time, now and at most.
    private final class Gauge: Sendable {
        private let counts = Mutex((now: 0, most: 0))
        var most: Int { self.counts.withLock { $0.most } }
        func enter() {
            self.counts.withLock { counts in
                counts.now += 1
                counts.most = max(counts.most, counts.now)
            }
        }
        func leave() { self.counts.withLock { $0.now -= 1 } }
    }

    @Test("a place is taken by one piece of work at a time, and free again when that is over")
    func places() async {
        let places = AsyncSemaphore(2)
        let gauge = Gauge()
        await withDiscardingTaskGroup { group in
            for _ in 0..<500 {
                await places.take()
                group.addTask {
                    gauge.enter()
                    await Task.yield()
                    gauge.leave()
                    places.giveBack()
                }
            }
        }
        #expect((1...2).contains(gauge.most))
    }
}
