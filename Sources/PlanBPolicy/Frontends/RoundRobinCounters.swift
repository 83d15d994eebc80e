import Synchronization

/// Counts the requests to the backends of one name, on all event loops together: 0, 1, 2 …, and again from 0 after the largest number of 32 bits.
final class RoundRobinCounter: Sendable {
    private let value: Atomic<UInt32>

    init(next: UInt32 = 0) {
        self.value = Atomic(next)
    }

    /// Returns the number of this request.
    func take() -> UInt32 { self.value.wrappingAdd(1, ordering: .relaxed).oldValue }
}

/// The counters of the process, by the host in requests. Counters that are not used while as many others are as can be kept begin again at 0.
final class RoundRobinCounters: Sendable {
    private struct Halves {
        var recent: [String: RoundRobinCounter] = [:]
        var older: [String: RoundRobinCounter] = [:]
    }

    private let capacity: Int
    private let halves = Mutex(Halves())

    init(capacity: Int = 50_000) {
        self.capacity = capacity
    }

    var count: Int { self.halves.withLock { $0.recent.count + $0.older.count } }

    func counter(of name: String) -> RoundRobinCounter {
        self.halves.withLock { halves in
            if let counter = halves.recent[name] { return counter }
            let counter = halves.older.removeValue(forKey: name) ?? RoundRobinCounter()
            if halves.recent.count >= self.capacity {
                halves.older = halves.recent
                halves.recent = [:]
            }
            halves.recent[name] = counter
            return counter
        }
    }
}
