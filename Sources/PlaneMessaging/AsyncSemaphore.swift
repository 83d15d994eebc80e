import Synchronization

/// How many pieces of work may still begin. One reader takes places, many workers give them back.
final class AsyncSemaphore: Sendable {
    private let free: Mutex<Int>
    /// That a place has become free. One signal is enough: the reader looks again.
    private let returns: AsyncStream<Void>
    private let returned: AsyncStream<Void>.Continuation

    /// - Parameter count: at least 1.
    init(_ count: Int) {
        self.free = Mutex(max(1, count))
        (self.returns, self.returned) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Waits until a place is free. (A cancelled task does not wait: its work is cancelled too, and soon over.)
    func take() async {
        while !self.takeNow() {
            var returns = self.returns.makeAsyncIterator()
            guard await returns.next() != nil else { return self.free.withLock { $0 -= 1 } }
        }
    }

    func giveBack() {
        self.free.withLock { $0 += 1 }
        self.returned.yield()
    }

    private func takeNow() -> Bool {
        self.free.withLock { free in
            guard free > 0 else { return false }
            free -= 1
            return true
        }
    }
}
