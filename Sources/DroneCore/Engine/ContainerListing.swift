package import DroneStore
package import PlaneProtocol

/// One container in the engine's list of those labelled as Plane's.
package struct ContainerListing: Hashable, Sendable {
    /// With the engine's id.
    package var container: ContainerHandle
    package var isRunning: Bool

    package init(_ container: ContainerHandle, isRunning: Bool) {
        self.container = container
        self.isRunning = isRunning
    }

    /// The drone whose agent made it, by our label; nil for one the reference made.
    package var drone: DroneID? { self.container.labels[ContainerTemplate.droneLabel].flatMap { DroneID(rawValue: $0) } }
}
