package import PlaneProtocol
package import PlaneState

/// Each cluster in a few numbers.
package struct SystemOverview: Hashable, Sendable {
    package struct Cluster: Hashable, Sendable {
        package var name: ClusterName
        /// Drones in each state; those that are silent for 30 s count as `Lost`, whatever they said last.
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
