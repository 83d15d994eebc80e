package import PlaneProtocol

/// What the state of the fleet says about one backend.
package struct BackendView: Hashable, Sendable {
    package var id: BackendID
    /// nil while no assignment is known.
    package var drone: DroneID?
    package var bearerToken: Secret?
    /// The lock it was assigned with; whether it holds it, `FleetState.lock` says.
    package var lock: LockName?
    /// nil while none was reported.
    package var state: BackendState?
    /// By the clock of the scheduler that wrote the state.
    package var stateTime: StateTime?
    /// Its end has begun, and its process may still run. False once it has ended.
    package var isEnding = false
    /// Whether there is a token that the state of the fleet does not hold.
    package var hasHiddenToken = false
    /// Tag of the key it was assigned with; nil without a key.
    package var tag: String?
    /// As told to the drone, which tells its container.
    package var fencingToken: Int64?
}
