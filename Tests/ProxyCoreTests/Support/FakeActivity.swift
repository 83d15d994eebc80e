import ProxyCore
import Synchronization

/// Remembers what activity it was told of, and lets a test wait for the next round.
final class FakeActivity: ActivitySink {
    struct Locked: Error {}

    let rounds: AsyncStream<Set<String>>
    private let continuation: AsyncStream<Set<String>>.Continuation
    private let failures = Mutex(0)

    init() {
        (self.rounds, self.continuation) = AsyncStream.makeStream()
    }

    func failNext(_ count: Int) {
        self.failures.withLock { $0 = count }
    }

    /// What was told last of what is open.
    let latest = Mutex<[String: BackendActivity]>([:])

    func recordActivity(_ backends: [BackendActivity], at seconds: Int64) throws {
        let fails = self.failures.withLock { failures in
            guard failures > 0 else { return false }
            failures -= 1
            return true
        }
        if fails { throw Locked() }
        self.latest.withLock { $0.merge(backends.map { ($0.name, $0) }) { _, new in new } }
        self.continuation.yield(Set(backends.map(\.name)))
    }
}
