import PlaneProtocol
import PlaneState

/// What a drone says beside what the world says of it.
struct DroneSight: Hashable, Sendable {
    var id: DroneID
    var cluster: ClusterName
    var state: DroneState?
    /// Assigned to it and not ended.
    var liveBackends: Int
    /// By its own last status; nil if it did not say, or was not heard by this process.
    var reportedBackends: Int?
    var lastHeard: WorldTime?

    /// There is something about it that would have to be written if it were gone.
    var needsWriteOff: Bool { self.state != .lost || self.liveBackends > 0 }
    var isDoubtful: Bool { self.reportedBackends.map { $0 != self.liveBackends } ?? false }
}

extension LiveWorld {
    /// Looks at every drone there is.
    func drones(where isWanted: (DroneSight) -> Bool) -> [DroneSight] {
        self.askPlacement { world, placement in
            var found: [DroneSight] = []
            for cluster in world.clusterNames {
                for view in world.drones(in: cluster) {
                    let sight = DroneSight(
                        id: view.id, cluster: cluster, state: view.state, liveBackends: view.liveBackends,
                        reportedBackends: placement.reportedBackends(view.id, in: cluster),
                        lastHeard: placement.lastHeard(view.id, in: cluster))
                    if isWanted(sight) { found.append(sight) }
                }
            }
            return found
        }
    }

    func lastHeard(_ drone: DroneID, in cluster: ClusterName) -> WorldTime? {
        self.askPlacement { $1.lastHeard(drone, in: cluster) }
    }
}
