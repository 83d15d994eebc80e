package import DroneStore
package import NetworkAddresses
package import PlaneProtocol

/// What an inspection of a container showed.
package enum ContainerObservation: Hashable, Sendable {
    /// There is no such container.
    case absent
    /// There is a container of that name which was not made for the backend. It is never stopped or removed.
    case foreign
    /// So much is said of it that the engine's answers about all the others suffer: its image has labels without end. It must go.
    case oversized
    /// Made, never started.
    case created
    /// Its process lives. Without an address nothing can be sent to it.
    case running(IPAddress?)
    /// Its process lives, and the sandbox that held its network does not: nothing reaches it any more.
    case networkLost
    /// Its process ended. The code is 128 + signal where a signal ended it.
    case exited(code: Int64, outOfMemory: Bool)
}

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
