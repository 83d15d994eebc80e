import PlaneProtocol
import PlaneService
import PlaneState

/// The drone chosen for one request. Until the assignment has come back through the stream, the choice itself counts as load, so that a burst of
/// requests spreads over the drones.
struct DroneChoice {
    let fleet: StateStore
    let cluster: ClusterName
    let needs: PlacementNeeds
    private var drone: DroneID?
    /// Stream sequence of the assignment; 0 if the assignment was not stored.
    private var sequence: UInt64 = 0

    init(fleet: StateStore, for request: ScheduleRequest) {
        self.fleet = fleet
        self.cluster = request.cluster
        self.needs = PlacementNeeds(request)
    }

    /// Gives the last choice up and chooses another drone.
    mutating func next(excluding excluded: Set<DroneID>) -> DroneID? {
        self.settle(at: 0)
        self.drone = self.fleet.chooseDrone(in: self.cluster, self.needs, excluding: excluded, now: .now())
        return self.drone
    }

    mutating func note(_ outcome: WriteOutcome) {
        if case .stored(let sequence) = outcome { self.sequence = sequence }
    }

    mutating func finish(_ reply: ScheduleReply) {
        guard case .scheduled(let backend) = reply, backend.spawned else { return self.settle(at: 0) }
        self.settle(at: self.sequence)
    }

    private mutating func settle(at sequence: UInt64) {
        if let drone = self.drone { self.fleet.settle(drone, in: self.cluster, at: sequence) }
        self.drone = nil
        self.sequence = 0
    }
}
