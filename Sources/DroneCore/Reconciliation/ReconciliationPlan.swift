package import DroneStore
package import PlaneProtocol

/// What has to be done for the engine's containers and the table to agree. Carrying a plan out twice does no harm.
package struct ReconciliationPlan: Hashable, Sendable {
    /// What is in the table, and which backends are being worked on.
    package struct Table: Sendable {
        /// Every row that could be read.
        package var states: [BackendID: BackendState]
        /// The containers of those backends, where they are known.
        package var containers: [BackendID: ContainerHandle]
        /// Names of rows that could not be read. Their containers are left alone.
        package var unreadable: Set<String>
        /// Backends that have a supervisor.
        package var supervised: Set<BackendID>
        /// The supervised backends whose container should run.
        package var running: Set<BackendID>
        /// Sandboxes and parked containers that their pools know, by id or name.
        package var pooled: Set<String>

        package init(
            states: [BackendID: BackendState], containers: [BackendID: ContainerHandle] = [:], unreadable: Set<String> = [],
            supervised: Set<BackendID>, running: Set<BackendID>, pooled: Set<String> = []
        ) {
            self.states = states
            self.containers = containers
            self.unreadable = unreadable
            self.supervised = supervised
            self.running = running
            self.pooled = pooled
        }
    }

    /// Backends whose container should run but does not, because the event of its end was missed.
    package var exitHints: Set<BackendID> = []
    /// Backends in the table that have no supervisor: live ones, and ended ones whose container still exists.
    package var toTakeOn: Set<BackendID> = []
    /// Containers that this drone made for backends which are in no table, for longer than the grace time: the table was lost, or the agent ended during a
    /// creation.
    package var toRemove: Set<ContainerHandle> = []
    /// Such containers that are still within the grace time: the engine's id, and the Unix time (seconds) when they were first seen. The next plan gets them.
    package var strays: [String: Int64] = [:]

    /// A container belongs to the backend whose row or supervisor has its id, or else to the backend that its labels name. One with another role
    /// that no row refers to is there on purpose: it is spared, whatever drone made it. Except for a sandbox of this drone that neither the pool
    /// nor a container has, and a parked container that is neither the pool's nor a backend's: its backend is gone.
    ///
    /// - Parameter strays: those of the previous plan.
    /// - Parameter now: Unix time in seconds.
    /// - Parameter grace: for how many seconds a stray is left alone. A container is entered in the table before it is made, so this only protects against
    ///   errors of ours.
    package static func make(
        containers: [ContainerListing], table: Table, drone: DroneID, strays: [String: Int64], now: Int64, grace: Int64
    ) -> ReconciliationPlan {
        var plan = ReconciliationPlan()
        let owners = Dictionary(
            table.containers.compactMap { backend, container in container.id.map { ($0, backend) } }, uniquingKeysWith: { first, _ in first })
        let owned: [(backend: BackendID, listing: ContainerListing)] = containers.compactMap { listing in
            let backend = listing.container.id.flatMap { owners[$0] } ?? listing.container.backend
            return backend.map { ($0, listing) }
        }
        plan.exitHints = table.running.subtracting(owned.filter(\.listing.isRunning).map(\.backend))
        let alive = Set(containers.filter(\.isRunning).compactMap(\.container.id))
        for backend in table.running {
            if let sandbox = table.containers[backend]?.sandbox, !alive.contains(sandbox) { plan.exitHints.insert(backend) }
        }
        for (backend, state) in table.states where !table.supervised.contains(backend) && !state.isTerminal {
            plan.toTakeOn.insert(backend)
        }
        for (backend, listing) in owned where !table.supervised.contains(backend) {
            if table.states[backend] != nil {
                plan.toTakeOn.insert(backend)
            } else if listing.drone == drone, !table.unreadable.contains(backend.rawValue), let id = listing.container.id {
                plan.addStray(listing, id: id, seen: strays[id], now: now, grace: grace)
            }
        }
        let used = Set(containers.compactMap(\.container.sandbox))
            .union(table.containers.filter { table.supervised.contains($0.key) }.compactMap(\.value.sandbox))
        for listing in containers where listing.container.isOfPool && listing.drone == drone {
            guard let id = listing.container.id, !used.contains(id), owners[id] == nil, !table.pooled.contains(id),
                !table.pooled.contains(listing.container.name)
            else {
                continue
            }
            plan.addStray(listing, id: id, seen: strays[id], now: now, grace: grace)
        }
        return plan
    }

    private mutating func addStray(_ listing: ContainerListing, id: String, seen: Int64?, now: Int64, grace: Int64) {
        let firstSeen = min(seen ?? now, now)
        if now - firstSeen >= grace {
            self.toRemove.insert(listing.container)
        } else {
            self.strays[id] = firstSeen
        }
    }
}

extension ContainerHandle {
    /// Whether a pool of an agent has made it, by its labels.
    fileprivate var isOfPool: Bool { self.isParked || self.role == .other(Self.sandboxRole) }
}
