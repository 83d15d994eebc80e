package import PlaneProtocol

/// Looks through the state of the fleet for messages that may be purged, a bounded number of records at each call, in a cycle. So a million
/// backends do not hold up requests.
package struct RetentionScan: Sendable {
    /// Something whose messages may be purged from the stream.
    package enum Outdated: Hashable, Sendable {
        case backend(BackendID, ClusterName)
        /// Of a backend that lives, in its assignment, where everybody who follows the fleet reads it.
        case token(BackendID, ClusterName)
        /// Nobody holds the lock, and its last announcement, which stands at `sequence`, lapsed long ago; 0 if only its revocation is left.
        case lock(LockName, ClusterName, sequence: UInt64)
        /// Marked `Lost`, and without backends.
        case drone(DroneID, ClusterName)
    }

    /// From when on something counts as outdated.
    package struct Limits: Sendable {
        /// Backends are outdated that ended before this, by the clocks of the schedulers that wrote the ends.
        package var endedBefore: StateTime
        /// Drones are outdated that were marked `Lost` before this.
        package var lostBefore: StateTime

        /// Whether tokens have a place of their own.
        package var findsTokens: Bool

        package init(endedBefore: StateTime, lostBefore: StateTime, findsTokens: Bool = false) {
            self.endedBefore = endedBefore
            self.lostBefore = lostBefore
            self.findsTokens = findsTokens
        }
    }

    private enum Table { case backends, locks, drones }

    private var cluster: ClusterName?
    private var table = Table.backends
    private var position = 0

    package init() {}

    /// Looks at up to `count` records more, of one kind.
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
            let endedBefore = limits.endedBefore.rawValue / 1000
            next = state.locks.scan(from: self.position, count: count) { _, lock, record in
                let published = [record.announcement?.publishedSeconds, record.revocation?.publishedSeconds].compactMap { $0 }
                guard record.live.isEmpty, let last = published.max(), last < endedBefore else { return }
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
            // After the last one, from the beginning.
            self.cluster = fleet.clusterNames.first { $0.rawValue > cluster.rawValue }
        }
    }
}
