package import DroneStore
package import PlaneProtocol

/// Finds the sandboxes that an earlier agent has left ready.
package struct SandboxAdoption: Sendable {
    package var drone: DroneID
    package var engine: any Engine
    package var store: DroneStore

    package init(drone: DroneID, engine: any Engine, store: DroneStore) {
        self.drone = drone
        self.engine = engine
        self.store = store
    }

    /// Sandboxes of this drone that no backend has or has had, since two backends in one network would see each other.
    ///
    /// None while a creation may still be running in Docker: a backend is loading without a container, because the agent that was making it was killed. The
    /// reconciler removes sandboxes that nothing uses after a while.
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
