import PlaneProtocol
import PlaneState

/// A drone as the state of the fleet shows it, with what the drone itself has reported to this process.
struct DroneSnapshot: Hashable, Sendable {
    var id: DroneID
    var cluster: ClusterName
    var state: DroneState?
    /// Backends assigned to the drone that have not ended.
    var liveBackends: Int
    /// Running backends in its last status message; nil if that gave no number, or this process has received none.
    var reportedBackends: Int?
    var lastHeard: StateTime?

    /// Whether something would have to be written if the drone were gone: it is not marked `Lost`, or has backends.
    var needsMarkingLost: Bool { self.state != .lost || self.liveBackends > 0 }
    var isInconsistent: Bool { self.reportedBackends.map { $0 != self.liveBackends } ?? false }
}

extension StateStore {
    /// The drones for which `isWanted` is true. Looks at every drone.
    func drones(where isWanted: (DroneSnapshot) -> Bool) -> [DroneSnapshot] {
        self.askPlacement { fleet, placement in
            var found: [DroneSnapshot] = []
            for cluster in fleet.clusterNames {
                for view in fleet.drones(in: cluster) {
                    let snapshot = DroneSnapshot(
                        id: view.id, cluster: cluster, state: view.state, liveBackends: view.liveBackends,
                        reportedBackends: placement.reportedBackends(view.id, in: cluster),
                        lastHeard: placement.lastHeard(view.id, in: cluster))
                    if isWanted(snapshot) { found.append(snapshot) }
                }
            }
            return found
        }
    }

    /// The address at which a browser reaches a backend of the drone; nil while the drone has not registered.
    func url(of backend: BackendID, on drone: DroneID, in cluster: ClusterName) -> String? {
        self.ask { $0.drone(drone, in: cluster)?.metadata?.endpoint }?.url(of: backend, in: cluster)
    }

    /// The fencing token for the next backend with the lock.
    func nextFencingToken(of lock: LockName, in cluster: ClusterName, now: StateTime) -> Int64 {
        self.ask { $0.nextFencingToken(of: lock, in: cluster, now: now) }
    }

    func lastHeard(_ drone: DroneID, in cluster: ClusterName) -> StateTime? {
        self.askPlacement { $1.lastHeard(drone, in: cluster) }
    }
}
