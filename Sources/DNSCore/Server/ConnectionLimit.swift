import Synchronization

/// Counts open connections, in all and by client, and says when there are too many.
final class ConnectionLimit: Sendable {
    private struct Counts {
        var total = 0
        var byHost: [[UInt8]: Int] = [:]
    }

    private let maximum: Int
    private let maximumPerHost: Int
    private let counts = Mutex(Counts())

    init(maximum: Int, perHost: Int) {
        self.maximum = maximum
        self.maximumPerHost = perHost
    }

    /// Takes a place; false if there is none. A place that was taken is given back with `leave`.
    func enter(_ host: [UInt8]) -> Bool {
        self.counts.withLock { counts in
            guard counts.total < self.maximum, counts.byHost[host, default: 0] < self.maximumPerHost else { return false }
            counts.total += 1
            counts.byHost[host, default: 0] += 1
            return true
        }
    }

    func leave(_ host: [UInt8]) {
        self.counts.withLock { counts in
            counts.total -= 1
            let left = counts.byHost[host, default: 1] - 1
            counts.byHost[host] = left == 0 ? nil : left
        }
    }
}
