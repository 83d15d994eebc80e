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

    /// How often each backend was told of with other than quiet WebSockets.
    let busyRounds = Mutex<[String: Int]>([:])
    /// Every backend that was wanted, in order.
    let wanted = Mutex<[String]>([])
    /// What the proxy is told of backends that may be frozen.
    let told = Mutex<[String: BackendFreezing]>([:])

    func want(_ backends: [String], at seconds: Int64) throws {
        try self.fail()
        self.wanted.withLock { $0 += backends }
    }

    /// How often it was asked for that.
    let askedForHolds = Mutex(0)

    func holds() throws -> [String: BackendFreezing] {
        self.askedForHolds.withLock { $0 += 1 }
        return self.told.withLock { $0 }
    }

    func recordActivity(_ backends: [BackendActivity], at seconds: Int64) throws {
        try self.fail()
        self.busyRounds.withLock { rounds in for backend in backends where !backend.isQuiet { rounds[backend.name, default: 0] += 1 } }
        self.latest.withLock { $0.merge(backends.map { ($0.name, $0) }) { _, new in new } }
        self.continuation.yield(Set(backends.map(\.name)))
    }

    private func fail() throws {
        let fails = self.failures.withLock { failures in
            guard failures > 0 else { return false }
            failures -= 1
            return true
        }
        if fails { throw Locked() }
    }
}
