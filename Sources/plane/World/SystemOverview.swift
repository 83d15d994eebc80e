import PlaneProtocol
import PlaneState

/// Each cluster in a few numbers.
struct SystemOverview: JSONEncodable, Equatable {
    struct Cluster: Equatable {
        var name: ClusterName
        /// Drones in each state; those that are silent for 30 s count as `Lost`, whatever they said last.
        var drones: [DroneState: Int] = [:]
        var backends: [BackendState: Int] = [:]
        /// The drones that count as lost.
        var silentDrones: [DroneID] = []
    }

    var clusters: [Cluster]

    init(world: WorldState, now: WorldTime) {
        self.clusters = world.clusterNames.map { name in
            var cluster = Cluster(name: name)
            for drone in world.drones(in: name) {
                let isSilent = drone.lastSeen.map { now.since($0) > Placement.livenessWindow } ?? true
                if isSilent { cluster.silentDrones.append(drone.id) }
                cluster.drones[isSilent ? .lost : drone.state ?? .starting, default: 0] += 1
            }
            cluster.silentDrones.sort { $0.rawValue < $1.rawValue }
            for backend in world.backends(in: name) { cluster.backends[backend.state ?? .loading, default: 0] += 1 }
            return cluster
        }
    }

    func lines(_ console: Console) -> [String] {
        guard !self.clusters.isEmpty else { return ["Nothing has happened yet: no drone has registered."] }
        return self.clusters.flatMap { cluster -> [String] in
            var lines = ["\(cluster.name)"]
            let drones = DroneState.allCases.compactMap { state in
                cluster.drones[state].map { console.coloured("\($0) \(state.rawValue)", state.colour) }
            }
            let backends = BackendState.allCases.compactMap { state in
                cluster.backends[state].map { console.coloured("\($0) \(state.rawValue)", state.colour) }
            }
            lines.append("  drones    \(drones.isEmpty ? "none" : drones.joined(separator: ", "))")
            lines.append("  backends  \(backends.isEmpty ? "none" : backends.joined(separator: ", "))")
            if !cluster.silentDrones.isEmpty {
                lines.append("  silent    \(cluster.silentDrones.map(\.rawValue).joined(separator: ", "))")
            }
            return lines
        }
    }

    func write(to json: inout JSONWriter) {
        json.object { $0.field("clusters", self.clusters) }
    }
}

extension SystemOverview.Cluster: JSONEncodable {
    func write(to json: inout JSONWriter) {
        json.object {
            $0.field("cluster", self.name)
            $0.object("drones") { object in
                for state in DroneState.allCases { object.fieldIfPresent(state.rawValue, self.drones[state]) }
            }
            $0.object("backends") { object in
                for state in BackendState.allCases { object.fieldIfPresent(state.rawValue, self.backends[state]) }
            }
            $0.field("silent_drones", self.silentDrones)
        }
    }
}
