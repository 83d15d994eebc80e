package import NetworkAddresses
package import PlaneProtocol

/// Queries. All but those that return lists take constant time.
extension FleetState {
    /// All clusters, in the order of their names.
    package var clusterNames: [ClusterName] {
        self.clusters.keys.sorted { $0.rawValue < $1.rawValue }
    }

    package func backend(_ id: BackendID, in cluster: ClusterName) -> BackendView? {
        guard let state = self.clusters[cluster], let slot = state.backends.slot(of: id) else { return nil }
        return state.view(of: slot)
    }

    /// The drone a backend was assigned to.
    package func drone(of backend: BackendID, in cluster: ClusterName) -> DroneID? {
        guard let state = self.clusters[cluster], let slot = state.backends.slot(of: backend) else { return nil }
        return state.backends[slot].assignment.map { state.drones.key(of: $0.drone) }
    }

    /// Every backend of the cluster, ended ones too, in no particular order.
    package func backends(in cluster: ClusterName) -> [BackendView] {
        guard let state = self.clusters[cluster] else { return [] }
        return state.backends.all.map { state.view(of: $0) }
    }

    /// Every backend of every cluster, ended ones too, in no particular order.
    package var backendNames: [(backend: BackendID, cluster: ClusterName)] {
        self.clusters.flatMap { cluster, state in state.backends.all.map { (state.backends.key(of: $0), cluster) } }
    }

    /// Visits at most `count` backends of the cluster, for callers that must not look at all of them at once. A backend that comes, or that is forgotten,
    /// between two calls may be visited or not.
    /// - Parameter position: 0 at the beginning.
    /// - Returns: the position to go on from; nil after the end.
    package func scanBackends(in cluster: ClusterName, from position: Int, count: Int, _ visit: (BackendView) -> Void) -> Int? {
        guard let state = self.clusters[cluster] else { return nil }
        return state.backends.scan(from: position, count: count) { slot, _, _ in visit(state.view(of: slot)) }
    }

    package func drone(_ id: DroneID, in cluster: ClusterName) -> DroneView? {
        guard let state = self.clusters[cluster], let slot = state.drones.slot(of: id) else { return nil }
        return state.view(of: slot)
    }

    /// The number of backends in the cluster, ended ones included.
    package func backendCount(in cluster: ClusterName) -> Int { self.clusters[cluster]?.backends.count ?? 0 }

    /// Whether a drone of the cluster has ever registered or reported something, or has backends. Without any there is nothing to schedule to, and no lock
    /// is held.
    package func hasDrones(in cluster: ClusterName) -> Bool { self.clusters[cluster].map { $0.drones.count > 0 } ?? false }

    /// Every drone that has registered or reported something, in no particular order.
    package func drones(in cluster: ClusterName) -> [DroneView] {
        guard let state = self.clusters[cluster] else { return [] }
        return state.drones.all.compactMap { state.view(of: $0) }
    }

    package func lock(_ name: LockName, in cluster: ClusterName) -> LockState {
        guard let state = self.clusters[cluster], let slot = state.locks.slot(of: name) else { return .free }
        if let holder = state.holder(of: slot) { return .held(by: holder) }
        return state.locks[slot].activeAnnouncement(at: self.heartbeatSeconds).map { .announced($0.uid) } ?? .free
    }

    /// Stream sequence of the last message on the lock's announce subject, 0 if there is none: the sequence to expect when announcing.
    ///
    /// A scheduler that finds the lock free and stores an announcement expecting this sequence has the lock for 30 s. A writer that expects
    /// nothing, as 0.3.24 does, may replace the announcement afterwards and is then shown as its author; the first assignment in the stream
    /// holds the lock all the same.
    package func announcementSequence(of lock: LockName, in cluster: ClusterName) -> UInt64 {
        guard let state = self.clusters[cluster], let slot = state.locks.slot(of: lock) else { return 0 }
        return state.locks[slot].announcement?.sequence ?? 0
    }

    /// What the next backend with the lock is to have as its fencing token: higher than that of every backend the fleet knows to have had the
    /// lock, and than that of those it has forgotten, since it is no less than the time now.
    /// - Parameter now: in milliseconds, by the clock of the process that asks.
    package func nextFencingToken(of lock: LockName, in cluster: ClusterName, now: StateTime) -> Int64 {
        guard let state = self.clusters[cluster], let slot = state.locks.slot(of: lock) else { return now.rawValue }
        let last = min(state.locks[slot].lastFencingToken, LockRow.highestFencingToken - 1)
        return max(now.rawValue, last + 1)
    }

    /// The address DNS gives for a backend's host name: that of its drone, as long as the backend has not ended.
    package func address(of backend: BackendID, in cluster: ClusterName) -> IPAddress? {
        guard let state = self.clusters[cluster], let slot = state.backends.slot(of: backend) else { return nil }
        let record = state.backends[slot]
        guard !record.isTerminal, let assignment = record.assignment else { return nil }
        return state.drones[assignment.drone].metadata?.ip
    }

    /// The texts that DNS serves for `_acme-challenge.<cluster>`, oldest first.
    package func acmeValues(in cluster: ClusterName) -> [String] {
        self.clusters[cluster]?.acme.values ?? []
    }

    /// The message to write so that `value` is served in addition to the current values, and the sequence of the challenge message before it. A writer that
    /// expects that sequence removes no value that another writer has added meanwhile.
    package func acmeMessage(adding value: String, in cluster: ClusterName) -> (message: StateMessage, expecting: UInt64) {
        let acme = self.clusters[cluster]?.acme ?? AcmeValues()
        let earlier = acme.values.filter { $0 != value }.suffix(AcmeValues.limit - 1)
        return (.cluster(cluster, .acme(value, earlier: Array(earlier))), acme.lastSequence)
    }
}

extension ClusterState {
    fileprivate func view(of slot: BackendTable.Slot) -> BackendView {
        let record = self.backends[slot]
        return BackendView(
            id: self.backends.key(of: slot),
            drone: record.assignment.map { self.drones.key(of: $0.drone) },
            bearerToken: record.assignment?.bearerToken,
            lock: record.assignment?.lock.map { self.locks.key(of: $0) },
            state: record.state,
            stateTime: record.state.map { _ in record.stateTime },
            ending: record.isTerminal ? nil : record.ending, hasHiddenToken: record.assignment?.hasHiddenToken ?? false,
            tag: record.assignment?.claim?.tag, fencingToken: record.assignment?.claim?.fencingToken)
    }

    /// Nil for a drone that is known only from assignments.
    fileprivate func view(of slot: DroneTable.Slot) -> DroneView? {
        let record = self.drones[slot]
        guard record.isKnown else { return nil }
        return DroneView(
            id: self.drones.key(of: slot),
            metadata: record.metadata,
            state: record.state,
            stateTime: record.state.map { _ in record.stateTime },
            lastSeen: record.lastSeen,
            liveBackends: Int(record.liveBackends),
            startingBackends: Int(record.startingBackends))
    }

    /// Backends enter the set in stream order, so the first in the set is the first in the stream.
    fileprivate func holder(of lock: LockTable.Slot) -> BackendID? {
        self.locks[lock].live.first.map { self.backends.key(of: $0) }
    }
}
