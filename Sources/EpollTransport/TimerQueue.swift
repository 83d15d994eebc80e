import HeapModule
import NIOCore

/// The timers of an event loop, soonest first.
struct TimerQueue {
    /// One timer. Cancelling removes its work; its place in the queue is removed later.
    final class Timer {
        let deadline: NIODeadline
        fileprivate var work: (() -> Void)?
        fileprivate var giveUp: (() -> Void)?

        /// - Parameter giveUp: called instead of `work` if the loop ends before.
        init(deadline: NIODeadline, work: @escaping () -> Void, giveUp: @escaping () -> Void = {}) {
            self.deadline = deadline
            self.work = work
            self.giveUp = giveUp
        }

        fileprivate func clear() {
            self.work = nil
            self.giveUp = nil
        }
    }

    private struct Entry: Comparable {
        let timer: Timer
        /// Counts the timers added: of two with one deadline the one that was added first runs first.
        let number: UInt64

        static func < (one: Entry, other: Entry) -> Bool {
            (one.timer.deadline, one.number) < (other.timer.deadline, other.number)
        }

        static func == (one: Entry, other: Entry) -> Bool { one.number == other.number }
    }

    private var heap = Heap<Entry>()
    private var lastNumber: UInt64 = 0
    private var cancelledCount = 0

    /// The number of places in the queue, those of cancelled timers included.
    var count: Int { self.heap.count }

    mutating func add(_ timer: Timer) {
        self.lastNumber += 1
        self.heap.insert(Entry(timer: timer, number: self.lastNumber))
    }

    /// Cancels a timer. When half of the queue consists of cancelled timers these are removed, so that they cannot fill it.
    mutating func cancel(_ timer: Timer) {
        guard timer.work != nil else { return }
        timer.clear()
        self.cancelledCount += 1
        if self.cancelledCount > 32, self.cancelledCount > self.heap.count / 2 {
            self.heap = Heap(self.heap.unordered.filter { $0.timer.work != nil })
            self.cancelledCount = 0
        }
    }

    /// When the next timer is due; nil if there is none.
    var nextDeadline: NIODeadline? {
        mutating get {
            self.dropCancelled()
            return self.heap.min?.timer.deadline
        }
    }

    /// Removes the first timer that is due, and returns its work; nil if none is due.
    mutating func takeDue(at now: NIODeadline) -> (() -> Void)? {
        self.dropCancelled()
        guard let first = self.heap.min, first.timer.deadline <= now else { return nil }
        let timer = self.heap.removeMin().timer
        defer { timer.clear() }
        return timer.work
    }

    /// Empties the queue. Returns what has to be called for each timer that will not run.
    mutating func giveUpAll() -> [() -> Void] {
        defer { self = TimerQueue() }
        return self.heap.unordered.compactMap { entry in
            defer { entry.timer.clear() }
            return entry.timer.giveUp
        }
    }

    private mutating func dropCancelled() {
        while let first = self.heap.min, first.timer.work == nil {
            self.heap.removeMin()
            self.cancelledCount -= 1
        }
    }
}
