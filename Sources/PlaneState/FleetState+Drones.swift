package import PlaneProtocol

/// Queries about the backends of one drone. Each looks at all backends of the cluster, so they are for rare occasions.
extension FleetState {
    /// The backends assigned to the drone that have not ended.
    package func liveBackends(of drone: DroneID, in cluster: ClusterName) -> Set<BackendID> {
        self.backends(of: drone, in: cluster) { !$0.isTerminal }
    }

    /// The backends assigned to the drone that have ended in this state.
    package func backends(of drone: DroneID, in cluster: ClusterName, endedAs state: BackendState) -> Set<BackendID> {
        self.backends(of: drone, in: cluster) { $0.state == state }
    }

    private func backends(of drone: DroneID, in cluster: ClusterName, where isWanted: (BackendRow) -> Bool) -> Set<BackendID> {
        guard let state = self.clusters[cluster], let slot = state.drones.slot(of: drone) else { return [] }
        var found: Set<BackendID> = []
        _ = state.backends.scan(from: 0, count: state.backends.capacity) { _, backend, record in
            if record.assignment?.drone == slot, isWanted(record) { found.insert(backend) }
        }
        return found
    }
}
