package import PlaneProtocol

/// What the state of the fleet says of a lock at one moment.
package enum LockView: Hashable, Sendable {
    /// No backend holds it, and no announcement counts. The number is the sequence of the last announcement, 0 if there was none, which the
    /// next announcement has to name as the expected one.
    case free(lastAnnouncement: UInt64)
    /// A scheduler is about to place a backend for it.
    case announced(at: UInt64)
    /// A backend is assigned with the lock, but its drone has reported no state of it yet: the backend may run or not.
    case assigned(Holder)
    case held(Holder)

    package struct Holder: Hashable, Sendable {
        package var backend: BackendID
        package var drone: DroneID
        package var bearerToken: Secret?
        /// Whether the holder's end has begun; it keeps the lock until its process is gone.
        package var isEnding: Bool
        /// The tag of the holder's key; nil without a key.
        package var tag: String?

        package init(backend: BackendID, drone: DroneID, bearerToken: Secret? = nil, isEnding: Bool = false, tag: String? = nil) {
            self.backend = backend
            self.drone = drone
            self.bearerToken = bearerToken
            self.isEnding = isEnding
            self.tag = tag
        }
    }
}
