package import PlaneProtocol

/// What a backend needs of the drone that is chosen for it.
package struct PlacementNeeds: Hashable, Sendable {
    /// The drone has to be in this pool.
    package var pool: PoolName
    /// The drone has to know our additions to the spawn request.
    package var extensions: Bool

    package init(pool: PoolName = .unnamed, extensions: Bool = false) {
        self.pool = pool
        self.extensions = extensions
    }

    /// Whether a drone that has said this of itself may be chosen, as far as that goes.
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
    /// Not heard of, lost, or not registered.
    case silent
}
