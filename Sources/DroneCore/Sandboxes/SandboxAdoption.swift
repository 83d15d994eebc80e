package import DroneStore
package import PlaneProtocol

/// Finds the sandboxes that an agent before this one has left ready.
package struct SandboxAdoption: Sendable {
    package var drone: DroneID
    package var engine: any Engine
    package var store: DroneStore

    package init(drone: DroneID, engine: any Engine, store: DroneStore) {
        self.drone = drone
        self.engine = engine
        self.store = store
    }

    /// Sandboxes of this drone that no backend has or has had: two backends in one network would see each other.
    ///
    /// None where a creation may still be under way: a backend that is loading and has no container, for the agent that made it was killed
    /// and Docker may be at it. The reconciler removes what nobody has after a while.
    package func candidates() async throws -> [ContainerListing] {
        let containers = try await self.engine.list()
        let backends = try await self.store.allBackends().backends
        let owners = Set(containers.compactMap(\.container.backend))
        guard !backends.contains(where: { $0.state == .loading && !owners.contains($0.id) }) else { return [] }
        let used = Set(containers.compactMap(\.container.sandbox)).union(backends.compactMap(\.container.sandbox))
        return containers.filter { listing in
            guard let id = listing.container.id else { return false }
            return listing.drone == self.drone && listing.container.role == .other(ContainerHandle.sandboxRole) && !used.contains(id)
        }
    }
}
