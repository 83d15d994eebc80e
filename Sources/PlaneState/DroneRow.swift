import PlaneProtocol

typealias DroneTable = SlotTable<DroneID, DroneRow>

/// What the state of the fleet keeps of one drone.
struct DroneRow: Sendable {
    var metadata: DroneMetadata?
    /// The latest state by stream order.
    var state: DroneState?
    /// When the state was written; meaningless without a state.
    var stateTime = StateTime(milliseconds: 0)
    var lastSeen: StateTime?
    /// Backends assigned to it, ended or not. The record is kept while there are any.
    var assignedBackends: Int32 = 0
    /// How many of these backends have not ended.
    var liveBackends: Int32 = 0
    /// How many of those have not become ready.
    var startingBackends: Int32 = 0

    /// Whether there is a message about the drone itself, and not only assignments that name it.
    var isKnown: Bool { self.metadata != nil || self.state != nil || self.lastSeen != nil }
}
