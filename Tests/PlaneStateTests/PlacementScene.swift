@testable import PlaneProtocol
@testable import PlaneState

/// A placement with its fleet, clock and dice.
struct PlacementScene {
    var placement: Placement
    var fleet = FleetState()
    var milliseconds: Int64 = 1_710_148_530_000
    private var random = SplitMix64(state: 42)

    init(registered drones: [DroneID] = [], imageLimit: Int = Placement.imageLimit) {
        self.placement = Placement(imageLimit: imageLimit)
        for drone in drones { self.apply(.register(drone)) }
    }

    mutating func apply(_ message: StateMessage) {
        self.fleet.apply(message, sequence: self.fleet.sequence + 1, published: WireTime(StateTime(milliseconds: self.milliseconds)))
        self.placement.stateApplied(message, fleet: self.fleet)
    }

    mutating func heard(_ drone: DroneID, state: DroneState = .ready, running: UInt32 = 0, limit: UInt32? = nil, starts: DroneStarts? = nil) {
        var status = DroneStatusMessage(
            droneID: drone, cluster: cluster, droneVersion: "0.4.0", state: state, runningBackends: running, maxBackends: limit)
        status.starts = starts
        let isRegistered = self.fleet.drone(drone, in: cluster)?.metadata != nil
        self.placement.heard(status, isRegistered: isRegistered, at: StateTime(milliseconds: self.milliseconds))
    }

    mutating func choose(_ needs: PlacementNeeds = PlacementNeeds(), excluding excluded: Set<DroneID> = []) -> DroneID? {
        self.placement.choose(
            in: cluster, needs, excluding: excluded, fleet: self.fleet, now: StateTime(milliseconds: self.milliseconds), using: &self.random)
    }

    func obstacle(to drone: DroneID) -> DroneObstacle? {
        self.placement.obstacle(to: drone, in: cluster, fleet: self.fleet, now: StateTime(milliseconds: self.milliseconds))
    }
}
