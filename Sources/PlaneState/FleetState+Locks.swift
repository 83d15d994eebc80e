package import PlaneProtocol

extension FleetState {
    /// Every lock of the cluster that is held or announced, in no particular order.
    package func locks(in cluster: ClusterName) -> [(name: LockName, state: LockState)] {
        guard let state = self.clusters[cluster] else { return [] }
        return state.locks.all.map { slot in
            let name = state.locks.key(of: slot)
            return (name, self.lock(name, in: cluster))
        }.filter { $0.state != .free }
    }
}

/// Whether a lock is free, announced or held, and by whom.
package enum LockState: Hashable, Sendable {
    case free
    /// A scheduler is about to place a backend for it.
    case announced(LockUID)
    case held(by: BackendID)
}
