package import PlaneProtocol

/// What has to be done for the engine's containers and the table to agree. A value; carrying it out twice does no harm.
package struct ReconciliationPlan: Hashable, Sendable {
    /// What the table knows, and who is at work.
    package struct Table: Sendable {
        /// Every row that could be read.
        package var states: [BackendID: BackendState]
        /// Rows that could not. Their containers are somebody's.
        package var unreadable: Set<String>
        /// Backends that have a supervisor.
        package var supervised: Set<BackendID>
        /// Those of them whose container should live.
        package var running: Set<BackendID>

        package init(
            states: [BackendID: BackendState], unreadable: Set<String> = [], supervised: Set<BackendID>, running: Set<BackendID>
        ) {
            self.states = states
            self.unreadable = unreadable
            self.supervised = supervised
            self.running = running
        }
    }

    /// Their container does not live although it should: somebody missed an event.
    package var exitHints: Set<BackendID> = []
    /// In the table without a supervisor: live ones, and ended ones whose container is still there.
    package var toTakeOn: Set<BackendID> = []
    /// Made by this drone, in nobody's table, for longer than the grace: a lost table, a creation nobody saw the end of.
    package var toRemove: Set<BackendID> = []
    /// In nobody's table, with the Unix time (seconds) when they were first seen so. Handed to the next plan.
    package var strays: [BackendID: Int64] = [:]

    /// - Parameter strays: Those of the previous plan.
    /// - Parameter now: Unix time in seconds.
    /// - Parameter grace: Seconds a stray is left alone: whoever makes a container enters it in the table first, so this only guards
    ///   against what we have not thought of.
    package static func make(
        containers: [ContainerListing], table: Table, drone: DroneID, strays: [BackendID: Int64], now: Int64, grace: Int64
    ) -> ReconciliationPlan {
        var plan = ReconciliationPlan()
        let living = Set(containers.filter(\.isRunning).map(\.backend))
        plan.exitHints = table.running.subtracting(living)
        for (backend, state) in table.states where !table.supervised.contains(backend) && !state.isTerminal {
            plan.toTakeOn.insert(backend)
        }
        for container in containers where !table.supervised.contains(container.backend) {
            if table.states[container.backend] != nil {
                plan.toTakeOn.insert(container.backend)
            } else if container.drone == drone, !table.unreadable.contains(container.backend.rawValue) {
                let firstSeen = min(strays[container.backend] ?? now, now)
                if now - firstSeen >= grace {
                    plan.toRemove.insert(container.backend)
                } else {
                    plan.strays[container.backend] = firstSeen
                }
            }
        }
        return plan
    }
}
