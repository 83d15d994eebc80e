import NIOCore
import Testing

@testable import EpollTransport

@Suite("What is to be done later")
struct TimerQueueTests {
    private static func at(_ nanoseconds: UInt64) -> NIODeadline { .uptimeNanoseconds(nanoseconds) }

    @Test("the soonest comes first, and of two with one deadline the first that was added")
    func order() {
        var queue = TimerQueue()
        var done: [String] = []
        for (deadline, name) in [(3, "c"), (1, "a"), (2, "b1"), (2, "b2")] as [(UInt64, String)] {
            queue.add(TimerQueue.Timer(deadline: Self.at(deadline)) { done.append(name) })
        }
        #expect(queue.nextDeadline == Self.at(1))
        while let work = queue.takeDue(at: Self.at(2)) { work() }
        #expect(done == ["a", "b1", "b2"])
        #expect(queue.nextDeadline == Self.at(3))
    }

    @Test("what was cancelled is not done, and does not count as next")
    func cancelled() {
        var queue = TimerQueue()
        let first = TimerQueue.Timer(deadline: Self.at(1)) { Issue.record("it was cancelled") }
        queue.add(first)
        queue.add(TimerQueue.Timer(deadline: Self.at(5)) {})
        queue.cancel(first)
        queue.cancel(first)
        #expect(queue.nextDeadline == Self.at(5))
        #expect(queue.takeDue(at: Self.at(4)) == nil)
        #expect(queue.takeDue(at: Self.at(5)) != nil)
        #expect(queue.nextDeadline == nil)
    }

    @Test("who sets and cancels all the time does not fill the queue")
    func bounded() {
        var queue = TimerQueue()
        queue.add(TimerQueue.Timer(deadline: Self.at(1)) {})
        for _ in 0..<10_000 {
            let timer = TimerQueue.Timer(deadline: Self.at(1_000_000)) {}
            queue.add(timer)
            queue.cancel(timer)
        }
        #expect(queue.count < 100)
        #expect(queue.nextDeadline == Self.at(1))
    }
}
