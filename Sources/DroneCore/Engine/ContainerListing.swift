package import PlaneProtocol

/// One container in the engine's list of those labelled as ours.
package struct ContainerListing: Hashable, Sendable {
    package var backend: BackendID
    /// The drone whose agent made it, by our label; nil for one the reference made.
    package var drone: DroneID?
    package var isRunning: Bool

    package init(backend: BackendID, drone: DroneID?, isRunning: Bool) {
        self.backend = backend
        self.drone = drone
        self.isRunning = isRunning
    }
}
