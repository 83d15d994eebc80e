package import PlaneProtocol

/// What a backend needs of the drone that is chosen for it.
package struct PlacementNeeds: Hashable, Sendable {
    /// The drone has to be in this pool.
    package var pool: PoolName
    /// Whether the drone has to know the additions to the spawn request that 0.3.24 does not have.
    package var extensions: Bool

    package init(pool: PoolName = .unnamed, extensions: Bool = false) {
        self.pool = pool
        self.extensions = extensions
    }

    /// Whether a drone with these abilities may be chosen.
    package func admits(_ abilities: DroneAbilities?) -> Bool {
        (abilities?.pool ?? .unnamed) == self.pool && (abilities?.knowsExtensions == true || !self.extensions)
    }

    package init(_ request: ScheduleRequest) {
        self.init(pool: request.pool, extensions: request.needsExtensions)
    }
}

/// Why a drone takes no new backends.
package enum DroneObstacle: Hashable, Sendable {
    case draining
    case full
    /// The drone was not heard of for a while, is lost, or has not registered.
    case silent
}
