package import PlaneProtocol

/// Stream sequences of the messages that the state was made from. Retention deletes messages by them: a server finds a sequence at once, while
/// for a subject it looks through the whole stream.
extension FleetState {
    /// Every message about the backend, in the order in which they may be deleted: the assignment first and the end last, so that a reader that begins during
    /// the deletion finds a backend that has ended. Some may have been replaced by later ones. Nil if not all are known.
    package func messages(of backend: BackendID, in cluster: ClusterName) -> [UInt64]? {
        guard let state = self.clusters[cluster], let slot = state.backends.slot(of: backend) else { return [] }
        let record = state.backends[slot]
        guard !record.trail.isIncomplete else { return nil }
        return [record.assignment?.sequence ?? 0].filter { $0 > 0 } + record.trail.sequences + [record.endSequence].filter { $0 > 0 }
    }

    /// The lock's own messages, in the order in which they may be deleted: a revocation without its announcement revokes nothing.
    package func messages(of lock: LockName, in cluster: ClusterName) -> [UInt64] {
        guard let state = self.clusters[cluster], let slot = state.locks.slot(of: lock) else { return [] }
        let record = state.locks[slot]
        return [record.announcement?.sequence, record.revocation?.sequence].compactMap { $0 }
    }

    /// The backend whose terminal state has this stream sequence.
    package func backend(endedAt sequence: UInt64) -> (backend: BackendID, cluster: ClusterName)? {
        for (cluster, state) in self.clusters {
            if let backend = state.ends.backend(endedAt: sequence, in: state.backends) { return (backend, cluster) }
        }
        return nil
    }
}
