package import DroneStore
package import PlaneProtocol

/// Finds the parked containers that an agent before this one has left.
package struct ParkedAdoption: Sendable {
    package var drone: DroneID
    package var engine: any Engine
    package var store: DroneStore

    package init(drone: DroneID, engine: any Engine, store: DroneStore) {
        self.drone = drone
        self.engine = engine
        self.store = store
    }

    /// Parked containers of this drone that no backend has or has had. A backend's container is in the table before it is told what to run.
    package func candidates() async throws -> [ContainerListing] {
        let containers = try await self.engine.list()
        let owned = Set(try await self.store.allBackends().backends.compactMap(\.container.id))
        return containers.filter { listing in
            guard let id = listing.container.id else { return false }
            return listing.drone == self.drone && listing.container.isParked && !owned.contains(id)
        }
    }
}
