package import PlaneProtocol

/// What the state of the fleet says about one drone.
package struct DroneView: Hashable, Sendable {
    package var id: DroneID
    /// nil while it has not registered.
    package var metadata: DroneMetadata?
    package var state: DroneState?
    /// By the clock of the scheduler that wrote the state.
    package var stateTime: StateTime?
    /// By the clock of the scheduler that wrote it.
    package var lastSeen: StateTime?
    /// Backends assigned to it that have not ended.
    package var liveBackends: Int
    /// How many of those have not become ready.
    package var startingBackends = 0
}
