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

        /// Without backends, which are counted one by one.
        package init(name: ClusterName, drones: [DroneView], now: StateTime) {
            self.name = name
            for drone in drones {
                let isSilent = drone.lastSeen.map { now.since($0) > Placement.livenessWindow } ?? true
                if isSilent { self.silentDrones.append(drone.id) }
                self.drones[isSilent ? .lost : drone.state ?? .starting, default: 0] += 1
            }
            self.silentDrones.sort { $0.rawValue < $1.rawValue }
        }

        package mutating func count(_ backend: BackendView) { self.backends[backend.state ?? .loading, default: 0] += 1 }
    }

    package var clusters: [Cluster]

    package init(fleet: FleetState, now: StateTime) {
        self.clusters = fleet.clusterNames.map { name in
            var cluster = Cluster(name: name, drones: fleet.drones(in: name), now: now)
            for backend in fleet.backends(in: name) { cluster.count(backend) }
            return cluster
        }
    }
}
