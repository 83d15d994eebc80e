package import PlaneProtocol

/// A lock as the world shows it at one moment.
package enum LockSight: Hashable, Sendable {
    /// Nobody has it or is about to. The number is where the last announcement stands in the stream, 0 if there was none: who
    /// announces next must expect it there.
    case free(lastAnnouncement: UInt64)
    /// Somebody is about to place a backend for it.
    case announced(at: UInt64)
    /// A backend is placed for it, and its drone has not been heard of since: it may run or not.
    case assigned(Holder)
    case held(Holder)

    package struct Holder: Hashable, Sendable {
        package var backend: BackendID
        package var drone: DroneID
        package var bearerToken: Secret?
        /// Its end has begun; it holds the lock until its process is gone.
        package var isEnding: Bool

        package init(backend: BackendID, drone: DroneID, bearerToken: Secret? = nil, isEnding: Bool = false) {
            self.backend = backend
            self.drone = drone
            self.bearerToken = bearerToken
            self.isEnding = isEnding
        }
    }
}
