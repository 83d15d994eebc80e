package import PlaneProtocol

/// What a watch for exits tells.
package enum ExitEvent: Hashable, Sendable {
    /// The watch has begun: what happens from now on will be told.
    case listening
    case ended(BackendID)
}
