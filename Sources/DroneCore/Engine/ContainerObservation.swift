package import DroneStore
package import NetworkAddresses
package import PlaneProtocol

/// The result of inspecting a container.
package enum ContainerObservation: Hashable, Sendable {
    /// There is no such container.
    case absent
    /// There is a container of this name that was not made for the backend. It is never stopped or removed.
    case foreign
    /// The container has so many bytes of labels, from its image, that the engine's answers about all containers become too large. It is removed.
    case oversized
    /// The container was made, and never started.
    case created
    /// The container's process runs. Without an address nothing can be sent to it.
    case running(IPAddress?)
    /// The container's process runs, but the sandbox with its network has ended, so nothing reaches the process any more.
    case networkLost
    /// The container's process has ended. If a signal ended it, the code is 128 plus the signal.
    case exited(code: Int64, outOfMemory: Bool)
}

/// One container in the engine's list of those with plane's labels.
package struct ContainerListing: Hashable, Sendable {
    /// The handle, always with the engine's id.
    package var container: ContainerHandle
    package var isRunning: Bool

    package init(_ container: ContainerHandle, isRunning: Bool) {
        self.container = container
        self.isRunning = isRunning
    }

    /// The drone whose agent made the container, by its label; nil for a container made by 0.3.24.
    package var drone: DroneID? { self.container.labels[ContainerTemplate.droneLabel].flatMap { DroneID(rawValue: $0) } }
}
