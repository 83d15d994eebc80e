package import PlaneProtocol

/// Looks through the state of the fleet for messages that may be purged: a limited number of records in each call, in a cycle, so that a million backends do
/// not delay requests.
package struct RetentionScan: Sendable {
    /// Something whose messages may be purged from the stream.
    package enum Outdated: Hashable, Sendable {
        case backend(BackendID, ClusterName)
        /// The token in the assignment of a running backend, where everybody who follows the fleet can read it.
        case token(BackendID, ClusterName)
        /// Nobody holds the lock, and its last announcement, with the sequence `sequence`, lapsed long ago; 0 if only its revocation is left.
        case lock(LockName, ClusterName, sequence: UInt64)
        /// The drone is marked `Lost` and has no backends.
        case drone(DroneID, ClusterName)
    }

    /// Decides what counts as outdated.
    package struct Limits: Sendable {
        /// Backends that ended before this are outdated, by the clocks of the schedulers that wrote the ends.
        package var endedBefore: StateTime
        /// Drones that were marked `Lost` before this are outdated.
        package var lostBefore: StateTime
        /// Locks that were last announced before this, and that no backend has or had, are outdated: whoever may ask for backends can make up any number.
        package var unusedBefore: StateTime

        /// Whether tokens in assignments are outdated, because there is another place for them.
        package var findsTokens: Bool

        package init(endedBefore: StateTime, lostBefore: StateTime, unusedBefore: StateTime, findsTokens: Bool = false) {
            self.endedBefore = endedBefore
            self.lostBefore = lostBefore
            self.unusedBefore = unusedBefore
            self.findsTokens = findsTokens
        }
    }

    private enum Table { case backends, locks, drones }

    private var cluster: ClusterName?
    private var table = Table.backends
    private var position = 0

    package init() {}

    /// Looks at up to `count` more records, all of one kind.
    package mutating func next(in fleet: FleetState, _ limits: Limits, count: Int) -> [Outdated] {
        guard let cluster = self.cluster ?? fleet.clusterNames.first, let state = fleet.clusters[cluster] else {
            self = RetentionScan()
            return []
        }
        var found: [Outdated] = []
        let next: Int?
        switch self.table {
        case .backends:
            next = state.backends.scan(from: self.position, count: count) { _, backend, record in
                if record.isTerminal, record.stateTime < limits.endedBefore { found.append(.backend(backend, cluster)) }
                if limits.findsTokens, !record.isTerminal, record.assignment?.bearerToken != nil { found.append(.token(backend, cluster)) }
            }
        case .locks:
            let (endedBefore, unusedBefore) = (limits.endedBefore.rawValue / 1000, limits.unusedBefore.rawValue / 1000)
            next = state.locks.scan(from: self.position, count: count) { _, lock, record in
                let published = [record.announcement?.publishedSeconds, record.revocation?.publishedSeconds].compactMap { $0 }
                guard record.live.isEmpty, let last = published.max(), last < endedBefore || record.ended.isEmpty && last < unusedBefore else { return }
                found.append(.lock(lock, cluster, sequence: record.announcement?.sequence ?? 0))
            }
        case .drones:
            next = state.drones.scan(from: self.position, count: count) { _, drone, record in
                guard record.state == .lost, record.stateTime < limits.lostBefore, record.assignedBackends == 0 else { return }
                found.append(.drone(drone, cluster))
            }
        }
        self.move(to: next, from: cluster, in: fleet)
        return found
    }

    private mutating func move(to position: Int?, from cluster: ClusterName, in fleet: FleetState) {
        self.cluster = cluster
        self.position = position ?? 0
        guard position == nil else { return }
        switch self.table {
        case .backends: self.table = .locks
        case .locks: self.table = .drones
        case .drones:
            self.table = .backends
            // After the last cluster the first one follows.
            self.cluster = fleet.clusterNames.first { $0.rawValue > cluster.rawValue }
        }
    }
}
