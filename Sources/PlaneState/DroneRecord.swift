import PlaneProtocol

typealias DroneTable = SlotTable<DroneID, DroneRecord>

/// What the fold keeps of one drone.
struct DroneRecord: Sendable {
    var metadata: DroneMetadata?
    /// The latest one by stream order.
    var state: DroneState?
    /// When that was written; meaningless without a state.
    var stateTime = WorldTime(milliseconds: 0)
    var lastSeen: WorldTime?
    /// Backends assigned to it, ended or not; while there are any, the record is needed.
    var assignedBackends: Int32 = 0
    /// Those of them that have not ended.
    var liveBackends: Int32 = 0

    /// Whether the drone has said anything of itself; otherwise only assignments speak of it.
    var isKnown: Bool { self.metadata != nil || self.state != nil || self.lastSeen != nil }
}
