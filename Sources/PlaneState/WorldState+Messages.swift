package import PlaneProtocol

/// Where in the stream what is known stands, for who deletes it there: by their places messages are found at once, by their subjects a server
/// looks through the whole stream.
extension WorldState {
    /// Every message about the backend, in the order in which they may be deleted: with the assignment gone first and the end last, a reader
    /// that begins in between finds a backend that has ended. Some may be gone already, replaced by later ones. nil if not all are known.
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

    /// Whose end stands at this place.
    package func backend(endedAt sequence: UInt64) -> (backend: BackendID, cluster: ClusterName)? {
        for (cluster, state) in self.clusters {
            if let backend = state.ends.backend(endedAt: sequence, in: state.backends) { return (backend, cluster) }
        }
        return nil
    }
}
