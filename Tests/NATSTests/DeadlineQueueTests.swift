@testable import NATS
import Testing

@Suite("The deadlines of requests")
struct DeadlineQueueTests {
    @Test("come out in order of time, and no earlier")
    func order() {
        var queue = DeadlineQueue()
        for (id, deadline) in [(1, 30), (2, 10), (3, 20), (4, 10)] as [(UInt64, UInt64)] {
            queue.insert(id, deadline: deadline)
        }
        #expect(queue.earliest == 10)
        #expect(queue.popExpired(now: 9) == [])
        #expect(queue.popExpired(now: 20) == [2, 4, 3])
        #expect(queue.earliest == 30)
    }

    @Test("are forgotten for requests that are over")
    func rebuild() {
        var queue = DeadlineQueue()
        for id in 1...1000 { queue.insert(UInt64(id), deadline: UInt64(id)) }
        queue.rebuild([(id: 7, deadline: 7)])
        #expect(queue.count == 1)
        #expect(queue.popExpired(now: 1000) == [7])
        #expect(queue.earliest == nil)
    }
}
