import Synchronization

/// Limits how many pieces of work run at once. One reader takes places, and many workers return them.
final class AsyncSemaphore: Sendable {
    private let free: Mutex<Int>
    /// Signals that a place has become free. One signal is enough for several places, since the reader looks at the number again.
    private let returns: AsyncStream<Void>
    private let returned: AsyncStream<Void>.Continuation

    /// - Parameter count: at least 1.
    init(_ count: Int) {
        self.free = Mutex(max(1, count))
        (self.returns, self.returned) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Waits until a place is free. A cancelled task does not wait: its work is cancelled too, and soon ends.
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
