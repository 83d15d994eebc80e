package import DroneStore
package import PlaneProtocol

/// What a watch for exits tells.
package enum ExitEvent: Hashable, Sendable {
    /// The watch has begun: what happens from now on will be told.
    case listening
    /// The process of this container has ended, or the container was removed.
    case ended(ContainerHandle)

    /// Whose container has ended, by its labels.
    package var backend: BackendID? {
        switch self {
        case .listening: nil
        case .ended(let container): container.backend
        }
    }
}
