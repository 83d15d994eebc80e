import PlaneProtocol
import Synchronization

/// A backend from its assignment to its end. The id alone may be that of another one later: schedulers give it again when they have forgotten the former.
struct BackendLife: Hashable, Sendable {
    var backend: BackendID
    var cluster: ClusterName
    /// Told by the state of the fleet, and higher for each later backend; nil while the state does not know the backend, and for one without a key.
    var fencingToken: Int64?
}

/// What this gateway has learned of backends, so that it need not ask again with every visitor, until they end. It holds for one life each; what is remembered
/// of a former backend with the same id counts for nothing.
final class BackendMemory: Sendable {
    private struct Key: Hashable {
        var cluster: ClusterName
        var backend: BackendID
    }

    private struct Known {
        /// Nil for a backend that this gateway has asked for, and that the state does not know yet.
        var fencingToken: Int64?
        var since: ContinuousClock.Instant
        /// What later visitors are told.
        var opened: OpenedBackend?
        /// The token that the drone's proxy asks visitors for. The state has none where tokens are kept apart from it, and then only a scheduler knows it.
        var bearerToken: Secret?
        /// Users whose visit was stored.
        var visitors: Set<TokenHash> = []
    }

    private struct State {
        var table: [Key: Known] = [:]
        var visits = 0
    }

    private let state = Mutex(State())
    private let limit: Int
    private let visitLimit: Int
    /// For how long something that is remembered before the state knows the backend can belong to the backend that the state then tells of: longer than any
    /// request takes, and no longer than schedulers remember an ended backend at least.
    private let youth: Duration

    /// - Parameters:
    ///   - limit: How many backends are remembered. When there are more, all are forgotten and asked for again when needed.
    ///   - visitLimit: How many visits are remembered. When there are more, all are forgotten and stored again, which costs a message each.
    init(limit: Int = 100_000, visitLimit: Int = 20_000, youth: Duration = .seconds(60)) {
        self.limit = limit
        self.visitLimit = visitLimit
        self.youth = youth
    }

    /// How many backends are remembered.
    var count: Int { self.state.withLock { $0.table.count } }

    func opened(of life: BackendLife) -> OpenedBackend? { self.state.withLock { self.known(of: life, in: &$0)?.opened } }

    func bearerToken(of life: BackendLife) -> Secret? { self.state.withLock { self.known(of: life, in: &$0)?.bearerToken } }

    func remember(_ opened: OpenedBackend, of life: BackendLife) { self.change(life) { $0.opened = opened } }

    func remember(_ token: Secret, of life: BackendLife) { self.change(life) { $0.bearerToken = token } }

    /// Hears every status that is published, and forgets backends that have ended.
    func heard(_ message: BackendStateMessage) {
        guard message.state.isTerminal else { return }
        self.state.withLock { self.remove(Key(cluster: message.cluster, backend: message.backend), in: &$0) }
    }

    /// - Returns: whether the visit was not known to be stored.
    func noteVisit(_ user: TokenHash, of life: BackendLife) -> Bool {
        self.state.withLock { state in
            guard let known = self.known(of: life, in: &state) else { return true }
            guard !known.visitors.contains(user) else { return false }
            if state.visits >= self.visitLimit {
                for key in state.table.keys { state.table[key]?.visitors = [] }
                state.visits = 0
            }
            state.table[self.key(of: life)]?.visitors.insert(user)
            state.visits += 1
            return true
        }
    }

    /// A visit is not stored after all.
    func forgetVisit(_ user: TokenHash, of life: BackendLife) {
        self.state.withLock { state in
            if self.known(of: life, in: &state) != nil, state.table[self.key(of: life)]?.visitors.remove(user) != nil { state.visits -= 1 }
        }
    }

    // MARK: Under the lock

    private func key(of life: BackendLife) -> Key { Key(cluster: life.cluster, backend: life.backend) }

    private func change(_ life: BackendLife, _ change: (inout Known) -> Void) {
        self.state.withLock { state in
            let key = self.key(of: life)
            // What comes late about a former backend is not remembered.
            if let latest = state.table[key]?.fencingToken, let token = life.fencingToken, latest > token { return }
            var known: Known
            if let found = self.known(of: life, in: &state) {
                known = found
            } else {
                self.remove(key, in: &state)
                if state.table.count >= self.limit { state = State() }
                known = Known(fencingToken: life.fencingToken, since: .now)
            }
            change(&known)
            state.table[key] = known
        }
    }

    /// What is remembered of this life. What is remembered of one before it is dropped.
    private func known(of life: BackendLife, in state: inout State) -> Known? {
        let key = self.key(of: life)
        guard var known = state.table[key] else { return nil }
        switch (known.fencingToken, life.fencingToken) {
        case (let known?, let asked?) where known == asked: break
        case (nil, let asked?) where .now - known.since < self.youth:
            known.fencingToken = asked
            state.table[key] = known
        case (nil, nil) where .now - known.since < self.youth: break
        case (let known?, let asked?) where known > asked: return nil
        case (_?, nil): return nil
        default:
            self.remove(key, in: &state)
            return nil
        }
        return known
    }

    private func remove(_ key: Key, in state: inout State) {
        if let former = state.table.removeValue(forKey: key) { state.visits -= former.visitors.count }
    }
}
