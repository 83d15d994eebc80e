import HeapModule
import NIOCore

/// What an event loop is to do later, soonest first.
struct TimerQueue {
    /// One thing to do. Cancelled by taking its work away; the place in the queue goes later.
    final class Timer {
        let deadline: NIODeadline
        fileprivate var work: (() -> Void)?
        fileprivate var giveUp: (() -> Void)?

        /// - Parameter giveUp: Called instead of `work` when the loop ends before.
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
        /// Of two with one deadline the first to come is the first to go.
        let number: UInt64

        static func < (one: Entry, other: Entry) -> Bool {
            (one.timer.deadline, one.number) < (other.timer.deadline, other.number)
        }

        static func == (one: Entry, other: Entry) -> Bool { one.number == other.number }
    }

    private var heap = Heap<Entry>()
    private var lastNumber: UInt64 = 0
    private var cancelledCount = 0

    /// Places taken, by those that were cancelled too.
    var count: Int { self.heap.count }

    mutating func add(_ timer: Timer) {
        self.lastNumber += 1
        self.heap.insert(Entry(timer: timer, number: self.lastNumber))
    }

    /// Whoever cancels often and far ahead does not fill the queue: it is cleared when half of it is of no use.
    mutating func cancel(_ timer: Timer) {
        guard timer.work != nil else { return }
        timer.clear()
        self.cancelledCount += 1
        if self.cancelledCount > 32, self.cancelledCount > self.heap.count / 2 {
            self.heap = Heap(self.heap.unordered.filter { $0.timer.work != nil })
            self.cancelledCount = 0
        }
    }

    /// When the next is due; nil if there is none.
    var nextDeadline: NIODeadline? {
        mutating get {
            self.dropCancelled()
            return self.heap.min?.timer.deadline
        }
    }

    /// The work of the first that is due, which is taken out; nil if none is.
    mutating func takeDue(at now: NIODeadline) -> (() -> Void)? {
        self.dropCancelled()
        guard let first = self.heap.min, first.timer.deadline <= now else { return nil }
        let timer = self.heap.removeMin().timer
        defer { timer.clear() }
        return timer.work
    }

    /// Empties the queue. Returns what is to be called for each that will not be done.
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
