package import PlaneProtocol

/// What a backend needs of the drone that is chosen for it.
package struct PlacementNeeds: Hashable, Sendable {
    /// The drone has to be in this pool.
    package var pool: PoolName
    /// Whether the drone has to know the additions to the spawn request that 0.3.24 does not have.
    package var extensions: Bool
    /// The image that is to be run, for which drones differ in how soon a backend is ready; nil where that does not count.
    package var image: ImageKey?

    package init(pool: PoolName = .unnamed, extensions: Bool = false, image: ImageKey? = nil) {
        self.pool = pool
        self.extensions = extensions
        self.image = image
    }

    /// Whether a drone with these abilities may be chosen.
    package func admits(_ abilities: DroneAbilities?) -> Bool {
        (abilities?.pool ?? .unnamed) == self.pool && (abilities?.knowsExtensions == true || !self.extensions)
    }

    package init(_ request: ScheduleRequest) {
        self.init(pool: request.pool, extensions: request.needsExtensions, image: ImageKey(request.executable.image))
    }
}

/// Why a drone takes no new backends.
package enum DroneObstacle: Hashable, Sendable {
    case draining
    case full
    /// The drone was not heard of for a while, is lost, or has not registered.
    case silent
}
