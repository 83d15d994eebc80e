import PlaneProtocol
import PlaneState

extension StateStore {
    /// How many names of clusters and pools an answer lists at most.
    private static let namesTold = 5

    /// Explains to the requester why no drone was found. This looks at every drone of the cluster, so it is only for requests that have failed.
    func whyNoDrone(for request: ScheduleRequest, now: StateTime) -> ErrorReply {
        let (cluster, needs) = (request.cluster, PlacementNeeds(request))
        return self.askPlacement { fleet, placement in
            let drones = fleet.drones(in: cluster)
            guard !drones.isEmpty else { return Self.noCluster(cluster, in: fleet) }
            let fitting = drones.filter { needs.admits($0.metadata?.abilities) }
            guard !fitting.isEmpty else { return Self.noFitting(needs, drones, in: cluster) }
            var counts: [DroneObstacle: Int] = [:]
            for drone in fitting {
                if let obstacle = placement.obstacle(to: drone.id, in: cluster, fleet: fleet, now: now) { counts[obstacle, default: 0] += 1 }
            }
            return Self.obstacles(counts, of: fitting.count, needs, in: cluster)
        }
    }

    private static func noCluster(_ cluster: ClusterName, in fleet: FleetState) -> ErrorReply {
        let others = fleet.clusterNames.filter { !fleet.drones(in: $0).isEmpty }
        let there = others.isEmpty ? "no drone of any cluster has registered yet" : "there is \(self.list(others.map(\.rawValue)))"
        return ErrorReply(code: .unavailable, message: "there is no cluster \(cluster) with drones; \(there)")
    }

    private static func noFitting(_ needs: PlacementNeeds, _ drones: [DroneView], in cluster: ClusterName) -> ErrorReply {
        let pools = Set(drones.compactMap { $0.metadata?.abilities.pool }).sorted { $0.rawValue < $1.rawValue }
        if pools.isEmpty || pools.contains(needs.pool) {
            return ErrorReply(
                code: .unavailable, message: "the request needs a newer agent than the drones of \(cluster) have; upgrade them, or ask for less")
        }
        let wanted = needs.pool.isUnnamed ? "is without a pool" : "is in the pool \(needs.pool)"
        let there = self.list(pools.map { $0.isUnnamed ? "the one without a name" : $0.rawValue })
        return ErrorReply(code: .unavailable, message: "no drone of \(cluster) \(wanted); there are drones in \(there)")
    }

    private static func obstacles(_ counts: [DroneObstacle: Int], of total: Int, _ needs: PlacementNeeds, in cluster: ClusterName) -> ErrorReply {
        let parts = [(DroneObstacle.full, "full"), (.draining, "being drained"), (.silent, "not ready, or not heard of for 30 s")].compactMap {
            obstacle, text in counts[obstacle].map { "\($0) \($0 == 1 ? "is" : "are") \(text)" }
        }
        let place = needs.pool.isUnnamed ? "\(cluster)" : "the pool \(needs.pool) of \(cluster)"
        let code: ErrorReply.Code = counts[.full] == total ? .full : counts[.draining] == total ? .draining : .unavailable
        guard !parts.isEmpty else {
            return ErrorReply(code: code, message: "no drone of \(place) has taken it in time; try again")
        }
        let drones = total == 1 ? "the one drone" : "of \(total) drones"
        let sayings = total == 1 ? parts.map { String($0.dropFirst(2)) } : parts
        return ErrorReply(code: code, message: "\(drones) of \(place)\(total == 1 ? "" : ",") \(sayings.joined(separator: ", "))")
    }

    private static func list(_ names: [String]) -> String {
        let told = names.prefix(self.namesTold).joined(separator: ", ")
        return names.count > self.namesTold ? "\(told) and \(names.count - self.namesTold) more" : told
    }
}
