import PlaneProtocol
import Synchronization

/// What really happened, as drones and clients saw it, and what of it should not have.
final class Ledger: Sendable {
    struct Totals: Sendable {
        var requests = 0
        /// Answered requests by the number of attempts they took.
        var answeredAfter: [Int: Int] = [:]
        var spawned = 0
        var holders = 0
        var withoutDrone = 0
        /// Error answers and lost attempts by what they said.
        var troubles: [String: Int] = [:]
        var longestAnswer: Duration = .zero
        var started = 0
        var violations: [String] = []
    }

    private struct State {
        var totals = Totals()
        /// Backends that run now, by lock.
        var holders: [LockName: Set<BackendID>] = [:]
        /// The highest fencing token that a drone was told for each lock.
        var fencingTokens: [LockName: Int64] = [:]
        /// When schedulers were ended; the attempts of that time may be lost.
        var endings: [ContinuousClock.Instant] = []
    }

    private let state = Mutex(State())

    var totals: Totals { self.state.withLock { $0.totals } }

    // MARK: Drones

    /// A drone has begun to run a backend.
    func started(_ backend: BackendID, lock: LockName?, hasKey: Bool, fencingToken: Int64?) {
        self.state.withLock { state in
            state.totals.started += 1
            guard let lock else { return }
            if let others = state.holders[lock], !others.isEmpty {
                state.totals.violations.append("lock \(lock) has two live holders: \(backend) beside \(others.map(\.rawValue))")
            }
            state.holders[lock, default: []].insert(backend)
            guard hasKey else { return }
            if let token = fencingToken, token > state.fencingTokens[lock] ?? 0 {
                state.fencingTokens[lock] = token
            } else {
                let told = fencingToken.map { "\($0)" } ?? "none"
                state.totals.violations.append("lock \(lock) has fencing token \(told) after \(state.fencingTokens[lock] ?? 0)")
            }
        }
    }

    /// It has ended. Told before the drone reports it.
    func ended(_ backend: BackendID, lock: LockName?) {
        guard let lock else { return }
        self.state.withLock { _ = $0.holders[lock]?.remove(backend) }
    }

    func isLive(_ backend: BackendID, of lock: LockName) -> Bool { self.state.withLock { $0.holders[lock]?.contains(backend) ?? false } }

    // MARK: Schedulers

    func schedulerEnded() { self.state.withLock { $0.endings.append(.now) } }

    /// Whether a scheduler was ended since, or shortly before, which may explain that an attempt was lost.
    func mayBeLost(since start: ContinuousClock.Instant) -> Bool {
        self.state.withLock { $0.endings.contains { $0 > start - .seconds(1) } }
    }

    // MARK: Clients

    func answered(_ reply: ScheduleReply, attempts: Int, took: Duration) {
        self.state.withLock { state in
            state.totals.requests += 1
            state.totals.answeredAfter[attempts, default: 0] += 1
            state.totals.longestAnswer = max(state.totals.longestAnswer, took)
            switch reply {
            case .scheduled(let backend): if backend.spawned { state.totals.spawned += 1 } else { state.totals.holders += 1 }
            case .noDroneAvailable: state.totals.withoutDrone += 1
            case .error(let error): state.totals.troubles[error.code.rawValue, default: 0] += 1
            }
        }
    }

    func trouble(_ what: String) { self.state.withLock { $0.totals.troubles[what, default: 0] += 1 } }

    func violation(_ what: String) { self.state.withLock { $0.totals.violations.append(what) } }
}
