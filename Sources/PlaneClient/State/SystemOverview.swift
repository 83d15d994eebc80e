package import PlaneProtocol
package import PlaneState

/// The most important numbers of each cluster.
package struct SystemOverview: Hashable, Sendable {
    package struct Cluster: Hashable, Sendable {
        package var name: ClusterName
        /// Drones by state; those that were silent for 30 s count as `Lost`, whatever state they reported last.
        package var drones: [DroneState: Int] = [:]
        package var backends: [BackendState: Int] = [:]
        /// The drones that count as lost.
        package var silentDrones: [DroneID] = []
    }

    package var clusters: [Cluster]

    package init(fleet: FleetState, now: StateTime) {
        self.clusters = fleet.clusterNames.map { name in
            var cluster = Cluster(name: name)
            for drone in fleet.drones(in: name) {
                let isSilent = drone.lastSeen.map { now.since($0) > Placement.livenessWindow } ?? true
                if isSilent { cluster.silentDrones.append(drone.id) }
                cluster.drones[isSilent ? .lost : drone.state ?? .starting, default: 0] += 1
            }
            cluster.silentDrones.sort { $0.rawValue < $1.rawValue }
            for backend in fleet.backends(in: name) { cluster.backends[backend.state ?? .loading, default: 0] += 1 }
            return cluster
        }
    }
}
