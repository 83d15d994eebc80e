package import PlaneProtocol

/// Decides what a connect request leads to: the holder of its key, a new backend, or a refusal (the table in dev/docs/gateway.md, Connect).
///
/// It knows no bus, clock or stream. `ConnectHandler` carries its actions out and tells it what came of them. A lock of one cluster says who has
/// a key; the key's home says which cluster that is:
///
///     find ──held──▶ reuse / KeyHeld / wait for its end ─▶ find
///       │ free
///       ├─ nothing to spawn ─▶ read home ─▶ ask there ─▶ as if found, or refused
///       └─ claim home ──ours──▶ schedule ─▶ spawned, or somebody was quicker: as if found
///             │ taken
///          read home ─▶ same cluster: schedule (claimed again if old) · other cluster: ask there, claim if old and free
package struct ConnectMachine: Sendable {
    package enum Action: Hashable, Sendable {
        /// Look in the state, in every cluster, for who holds the lock.
        case find(LockName)
        /// Ask the schedulers of a cluster who holds it.
        case ask(LockName, ClusterName)
        case readHome(LockName)
        /// Write the key's home, on condition that the last message of its subject stands at `expecting`; 0 means there is none.
        case claimHome(LockName, ClusterName, expecting: UInt64)
        case schedule(ClusterName)
        /// Wait until the holder has ended, and no longer than the whole may wait.
        case awaitEnd(KeyHolder)
        /// Somebody else takes the lock at this moment: wait a little.
        case pause
        case finish(Outcome)
    }

    package enum Outcome: Hashable, Sendable {
        case spawned(KeyHolder)
        case reuse(KeyHolder)
        /// What the same request has made before, alive or ended.
        case repeated(KeyHolder)
        case failure(GatewayFailure)
    }

    /// What a scheduler answered.
    package enum ScheduleAnswer: Hashable, Sendable {
        case spawned(KeyHolder)
        /// The holder of the lock.
        case held(KeyHolder)
        /// The backend that the same request has made before, by its idempotency key.
        case repeated(KeyHolder)
        case noDrone(detail: String?)
        /// Somebody else's announcement of the lock was in the way for too long.
        case lockBusy
        /// The id that was asked for belongs to another backend, or did.
        case idUsed
        /// The request is wrong, or forbidden.
        case refused(String)
    }

    /// There is a recipe.
    private struct RecipeRequest: Hashable, Sendable {
        var cluster: ClusterName?
    }

    private enum State: Hashable, Sendable {
        case initial
        case finding
        case readingHome
        /// - Parameter home: where is asked.
        case asking(StoredHome)
        case claiming
        case scheduling
        case awaitingEnd
        case pausing
        case finished
    }

    /// Longest wait for the end of a holder, and for a lock that others take.
    package static let timeLimit: Duration = .seconds(15)
    /// A home younger than this was claimed by somebody whose request to the schedulers may be on its way; it is claimed again before it is
    /// older, so that nobody who finds it old can be wrong. Twice the time that a request takes at most.
    private static let freshness: Duration = .seconds(30)
    /// A home that is older may be moved to another cluster, if the lock is free there.
    private static let settledAge: Duration = .seconds(60)

    private let key: BackendKey?
    private let spawn: RecipeRequest?
    private var state = State.initial

    /// - Parameter cluster: where the recipe or the gateway's default wants the backend.
    package init(_ request: ConnectRequest, defaultCluster: ClusterName?) {
        self.key = request.key
        self.spawn = request.spawn.map { RecipeRequest(cluster: $0.cluster ?? defaultCluster) }
    }

    private var lock: LockName? { self.key?.lock }

    // MARK: Events

    package mutating func begin() -> Action {
        guard self.key != nil else {
            guard let spawn = self.spawn else { return self.refuse(.keyUnheldNoSpawnConfig) }
            guard let cluster = spawn.cluster else { return self.refuse(.noClusterProvided) }
            return self.schedule(cluster)
        }
        return self.find()
    }

    /// The answer to `find`.
    package mutating func found(_ holder: KeyHolder?, elapsed: Duration) -> Action {
        guard case .finding = self.state, let lock = self.lock else { return self.ignore() }
        if let holder { return self.meet(holder, elapsed: elapsed) }
        guard let cluster = self.spawn?.cluster else {
            // The state may be some milliseconds behind the lock; whoever asks for nothing but the holder gets a certain answer.
            self.state = .readingHome
            return .readHome(lock)
        }
        self.state = .claiming
        return .claimHome(lock, cluster, expecting: 0)
    }

    /// The answer to `claimHome`: whether the home is ours now.
    package mutating func claimed(_ isOurs: Bool, in cluster: ClusterName) -> Action {
        guard case .claiming = self.state, let lock = self.lock else { return self.ignore() }
        guard isOurs else {
            self.state = .readingHome
            return .readHome(lock)
        }
        return self.schedule(cluster)
    }

    /// The answer to `readHome`.
    package mutating func read(_ stored: StoredHome?, elapsed: Duration) -> Action {
        guard case .readingHome = self.state, let lock = self.lock else { return self.ignore() }
        guard let stored, stored.home.lock == lock else {
            // None, or the home of another lock with the same hash: the lock in the wanted cluster decides.
            guard let spawn = self.spawn else { return self.refuse(.keyUnheldNoSpawnConfig) }
            guard let cluster = spawn.cluster else { return self.refuse(.noClusterProvided) }
            if stored == nil, elapsed < Self.timeLimit {
                self.state = .claiming
                return .claimHome(lock, cluster, expecting: 0)
            }
            return self.schedule(cluster)
        }
        guard self.spawn?.cluster == stored.home.cluster else {
            self.state = .asking(stored)
            return .ask(lock, stored.home.cluster)
        }
        guard stored.age >= Self.freshness else { return self.schedule(stored.home.cluster) }
        guard elapsed < Self.timeLimit else { return self.refuse(.failedToAcquireKey) }
        self.state = .claiming
        return .claimHome(lock, stored.home.cluster, expecting: stored.sequence)
    }

    /// The answer to `ask`.
    package mutating func asked(_ holder: KeyHolder?, elapsed: Duration) -> Action {
        guard case .asking(let stored) = self.state, let lock = self.lock else { return self.ignore() }
        if let holder { return self.meet(holder, elapsed: elapsed) }
        guard let spawn = self.spawn else { return self.refuse(.keyUnheldNoSpawnConfig) }
        guard let cluster = spawn.cluster else { return self.refuse(.noClusterProvided) }
        guard stored.age >= Self.settledAge else {
            self.state = .finished
            let wait = Int((Self.settledAge - stored.age).components.seconds) + 1
            return .finish(
                .failure(
                    GatewayFailure(
                        .failedToAcquireKey,
                        detail: "The key was used in the cluster \(stored.home.cluster) a moment ago; it can be used in another one in \(wait) s.",
                        retryAfterSeconds: wait)))
        }
        self.state = .claiming
        return .claimHome(lock, cluster, expecting: stored.sequence)
    }

    /// The answer to `schedule`.
    package mutating func scheduled(_ answer: ScheduleAnswer, elapsed: Duration) -> Action {
        guard case .scheduling = self.state else { return self.ignore() }
        switch answer {
        case .spawned(let holder):
            self.state = .finished
            return .finish(.spawned(holder))
        case .held(let holder): return self.meet(holder, elapsed: elapsed)
        case .repeated(let holder):
            self.state = .finished
            return .finish(.repeated(holder))
        case .noDrone(let detail):
            self.state = .finished
            return .finish(.failure(GatewayFailure(.noDroneAvailable, detail: detail, retryAfterSeconds: 2)))
        case .lockBusy:
            guard elapsed < Self.timeLimit else { return self.refuse(.failedToAcquireKey) }
            self.state = .pausing
            return .pause
        case .idUsed:
            self.state = .finished
            return .finish(.failure(GatewayFailure(.failedToAcquireKey, detail: "The id that was asked for has been used before.")))
        case .refused(let message):
            self.state = .finished
            return .finish(.failure(.unprocessable(message)))
        }
    }

    /// The answer to `awaitEnd`: whether the holder has ended.
    package mutating func waited(hasEnded: Bool) -> Action {
        guard case .awaitingEnd = self.state else { return self.ignore() }
        guard hasEnded else {
            self.state = .finished
            return .finish(
                .failure(
                    GatewayFailure(
                        .failedToAcquireKey, detail: "The key's backend is being ended, and its process still runs.", retryAfterSeconds: 5)))
        }
        return self.find()
    }

    package mutating func paused() -> Action {
        guard case .pausing = self.state else { return self.ignore() }
        return self.find()
    }

    /// An action could not be carried out.
    package mutating func failed(_ failure: GatewayFailure) -> Action {
        self.state = .finished
        return .finish(.failure(failure))
    }

    // MARK: Steps

    private mutating func find() -> Action {
        guard let lock = self.lock else { return self.ignore() }
        self.state = .finding
        return .find(lock)
    }

    private mutating func schedule(_ cluster: ClusterName) -> Action {
        self.state = .scheduling
        return .schedule(cluster)
    }

    private mutating func meet(_ holder: KeyHolder, elapsed: Duration) -> Action {
        guard !holder.isEnding else {
            guard elapsed < Self.timeLimit else {
                self.state = .awaitingEnd
                return self.waited(hasEnded: false)
            }
            self.state = .awaitingEnd
            return .awaitEnd(holder)
        }
        guard holder.fits(self.key?.tag ?? "") else { return self.refuse(.keyHeld) }
        self.state = .finished
        return .finish(.reuse(holder))
    }

    private mutating func refuse(_ kind: GatewayFailure.Kind) -> Action {
        self.state = .finished
        return .finish(.failure(GatewayFailure(kind)))
    }

    /// The driver answers each action once, so an answer that nobody waits for is a mistake of ours; the request ends, and the process goes on.
    private mutating func ignore() -> Action {
        self.failed(GatewayFailure(.other, internalCause: "an answer came in the state \(self.state)"))
    }
}
