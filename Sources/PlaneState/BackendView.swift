package import PlaneProtocol

/// What the state of the fleet says about one backend.
package struct BackendView: Hashable, Sendable {
    package var id: BackendID
    /// nil while no assignment is known.
    package var drone: DroneID?
    package var bearerToken: Secret?
    /// The lock with which it was assigned. `FleetState.lock` says whether it holds that lock.
    package var lock: LockName?
    /// Nil while no state was reported.
    package var state: BackendState?
    /// By the clock of the scheduler that wrote the state.
    package var stateTime: StateTime?
    /// How it is being ended, so that its process may still run. Nil before that, and once it has ended.
    package var ending: BackendEnding.Kind?
    /// Whether there is a token that the state of the fleet does not hold.
    package var hasHiddenToken = false
    /// Tag of the key with which it was assigned; nil without a key.
    package var tag: String?
    /// The fencing token as the drone and the container know it.
    package var fencingToken: Int64?

    /// Whether its end has begun, and its process may still run.
    package var isEnding: Bool { self.ending != nil }
}
