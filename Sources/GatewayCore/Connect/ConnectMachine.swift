package import PlaneProtocol

/// Decides how a connect request is answered: with the holder of its key, a new backend, or a refusal (the table in dev/docs/gateway.md, Connect).
package struct ConnectMachine: Sendable {
    package enum Action: Hashable, Sendable {
        /// Look in the state, in every cluster, for who holds the lock.
        case find(LockName)
        /// Ask the schedulers of a cluster who holds it.
        case ask(LockName, ClusterName)
        case readHome(LockName)
        /// Write the key's home, on condition that `expecting` is the sequence of its subject's last message; 0 means that there is none.
        case claimHome(LockName, ClusterName, expecting: UInt64)
        case schedule(ClusterName)
        /// Wait until the holder has ended, within the time limit of the request.
        case awaitEnd(KeyHolder)
        /// Somebody else is taking the lock: wait a little.
        case pause
        case finish(Outcome)
    }

    package enum Outcome: Hashable, Sendable {
        case spawned(KeyHolder)
        case reuse(KeyHolder)
        /// What the same request has made before, alive or ended.
        case repeated(KeyHolder)
        case failure(GatewayError)
    }

    /// A scheduler's answer.
    package enum ScheduleAnswer: Hashable, Sendable {
        case spawned(KeyHolder)
        /// The lock has this holder.
        case held(KeyHolder)
        /// The backend that the same request has made before, by its idempotency key.
        case repeated(KeyHolder)
        case noDrone(detail: String?)
        /// Another scheduler's announcement of the lock did not end in time.
        case lockBusy
        /// The requested id belongs to another backend, or did once.
        case idUsed
        /// The request is wrong or forbidden.
        case refused(String)
    }

    /// The part of the request that is about a new backend.
    private struct RecipeRequest: Hashable, Sendable {
        var cluster: ClusterName?
    }

    private enum State: Hashable, Sendable {
        case initial
        case finding
        case readingHome
        /// - Parameter home: the key's home, whose cluster is being asked.
        case asking(StoredHome)
        case claiming
        case scheduling
        case awaitingEnd
        case pausing
        case finished
    }

    /// How long a request may wait for the end of a holder, and for a lock that others are taking.
    package static let timeLimit: Duration = .seconds(15)
    /// A request that finds a home older than this claims it again before it asks the schedulers. So a home that was claimed by a request which is still on
    /// its way is always younger, and nobody moves it. The value is twice the time that a request takes at most.
    private static let freshness: Duration = .seconds(30)
    /// A home that is older than this may be moved to another cluster, if the lock is free in its cluster.
    private static let settledAge: Duration = .seconds(60)

    private let key: BackendKey?
    private let spawn: RecipeRequest?
    private var state = State.initial

    /// - Parameter defaultCluster: the cluster for a recipe that names none.
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
            // The state may be some milliseconds behind, so a request for nothing but the holder asks the schedulers.
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
            // There is no home, or one of another lock with the same hash: the lock in the wanted cluster decides.
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
                    GatewayError(
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
            return .finish(.failure(GatewayError(.noDroneAvailable, detail: detail, retryAfterSeconds: 2)))
        case .lockBusy:
            guard elapsed < Self.timeLimit else { return self.refuse(.failedToAcquireKey) }
            self.state = .pausing
            return .pause
        case .idUsed:
            self.state = .finished
            return .finish(.failure(GatewayError(.failedToAcquireKey, detail: "The id that was asked for has been used before.")))
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
                    GatewayError(
                        .failedToAcquireKey, detail: "The key's backend is being ended, and its process still runs.", retryAfterSeconds: 5)))
        }
        return self.find()
    }

    package mutating func paused() -> Action {
        guard case .pausing = self.state else { return self.ignore() }
        return self.find()
    }

    /// An action could not be carried out.
    package mutating func failed(_ failure: GatewayError) -> Action {
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

    private mutating func refuse(_ kind: GatewayError.Kind) -> Action {
        self.state = .finished
        return .finish(.failure(GatewayError(kind)))
    }

    /// The driver answers each action once, so an unexpected answer is a bug. The request fails, and the process continues.
    private mutating func ignore() -> Action {
        self.failed(GatewayError(.other, internalCause: "an answer came in the state \(self.state)"))
    }
}
