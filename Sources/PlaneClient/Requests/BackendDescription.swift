package import PlaneProtocol
package import PlaneState

/// What a drone says that one of its backends was asked for with. Nobody else has kept that, and a drone in wrong hands may say anything.
package struct BackendDescription: Hashable, Sendable {
    package var drone: DroneID
    package var request: ScheduleRequest

    /// Where what it says is not what schedulers have written.
    package struct Contradiction: Hashable, Sendable {
        package var subject: String
        package var said: String
        package var known: String
    }

    package init(drone: DroneID, request: ScheduleRequest) {
        self.drone = drone
        self.request = request
    }

    /// Compares what can be: cluster, lock, the key's tag, whether visitors need a token, and the drone's pool. A key is known by its lock. Image, environment,
    /// credentials, mounts, network and limits are in nobody's state.
    /// - Parameter drone: nil if the drone has been forgotten, whose pool is not known then.
    package func contradiction(to backend: BackendView, in cluster: ClusterName, on drone: DroneView?) -> Contradiction? {
        if self.request.cluster != cluster {
            return Contradiction(subject: "cluster", said: self.request.cluster.rawValue, known: cluster.rawValue)
        }
        if self.request.lock != backend.lock {
            return Contradiction(subject: "lock", said: Self.name(self.request.lock?.rawValue), known: Self.name(backend.lock?.rawValue))
        }
        if self.request.key?.tag != backend.tag {
            return Contradiction(subject: "key's tag", said: Self.name(self.request.key?.tag), known: Self.name(backend.tag))
        }
        let hasToken = backend.bearerToken != nil || backend.hasHiddenToken
        if self.request.requireBearerToken != hasToken {
            return Contradiction(subject: "token", said: hasToken ? "none" : "one", known: hasToken ? "one" : "none")
        }
        if let metadata = drone?.metadata {
            let pool = metadata.abilities.pool ?? .unnamed
            if self.request.pool != pool {
                return Contradiction(subject: "pool", said: Self.name(self.request.pool.ifNamed?.rawValue), known: Self.name(pool.ifNamed?.rawValue))
            }
        }
        return nil
    }

    private static func name(_ text: String?) -> String { text.map { "\"\($0)\"" } ?? "none" }
}
