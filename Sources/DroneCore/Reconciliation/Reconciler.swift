package import DroneStore
package import Logging
package import PlaneProtocol
import LogKeys
import PlaneService

/// Compares the engine's containers with the table at start, every half minute, and whenever events may have been missed, and corrects differences.
package actor Reconciler {
    private static let period = Duration.seconds(30)
    /// How long, in seconds, a container may be unknown before it is removed: more than two rounds.
    private static let strayGraceSeconds: Int64 = 90
    /// Ended backends are kept for a day, so that a repeated request for one of them is recognised.
    private static let memorySeconds: Int64 = 24 * 3600
    /// How many rows are deleted in one round.
    private static let forgettingLimit = 200

    private let drone: DroneID
    private let engine: any Engine
    private let store: DroneStore
    private let registry: BackendRegistry
    private let sandboxes: SandboxPool?
    private let parked: ParkedPool?
    private let time: AgentTime
    private let logger: Logger
    private var strays: [String: Int64] = [:]

    package init(
        drone: DroneID, engine: any Engine, store: DroneStore, registry: BackendRegistry, sandboxes: SandboxPool? = nil,
        parked: ParkedPool? = nil, time: AgentTime = AgentTime(), logger: Logger
    ) {
        self.drone = drone
        self.engine = engine
        self.store = store
        self.registry = registry
        self.sandboxes = sandboxes
        self.parked = parked
        self.time = time
        self.logger = logger
    }

    package func run() async {
        while !Task.isCancelled {
            await self.reconcile()
            await self.forget()
            await self.emptyLog()
            guard (try? await self.time.sleep(Self.period)) != nil else { return }
        }
    }

    /// Does one round. Failures are logged, and the next round tries again.
    package func reconcile() async {
        do {
            // What is ready after the engine was asked is not in its answer.
            let (ready, parked) = (self.sandboxes?.free ?? [], self.parked?.free ?? [])
            let containers = try await self.engine.list()
            let alive = Set(containers.filter(\.isRunning).compactMap(\.container.id))
            self.sandboxes?.ended(ready.subtracting(alive))
            self.parked?.ended(parked.subtracting(alive))
            // The table after the engine: whoever makes a container enters it in the table first.
            let listing = try await self.store.allBackends()
            let supervised = await self.registry.supervised
            let running = await Set(self.registry.running)
            let table = ReconciliationPlan.Table(
                states: Dictionary(listing.backends.map { ($0.id, $0.state) }, uniquingKeysWith: { first, _ in first }),
                containers: Dictionary(listing.backends.map { ($0.id, $0.container) }, uniquingKeysWith: { first, _ in first })
                    .merging(await self.registry.containers) { _, newer in newer },
                unreadable: Set(listing.unreadable.map(\.name)), supervised: supervised, running: running,
                pooled: (self.sandboxes?.known ?? []).union(self.parked?.known ?? []))
            let plan = ReconciliationPlan.make(
                containers: containers, table: table, drone: self.drone, strays: self.strays,
                now: self.time.now().seconds, grace: Self.strayGraceSeconds)
            self.strays = plan.strays
            await self.carryOut(plan, records: listing.backends)
        } catch {
            guard !Task.isCancelled else { return }
            self.logger.warning("containers and table could not be compared", metadata: [LogKey.error: "\(error)"])
        }
    }

    private func carryOut(_ plan: ReconciliationPlan, records: [StoredBackend]) async {
        for backend in plan.exitHints { await self.registry.supervisor(of: backend)?.exitHint() }
        for record in records where plan.toTakeOn.contains(record.id) { await self.registry.takeOn(record) }
        for container in plan.toRemove {
            let name = container.backend.map { "\($0)" } ?? container.name
            self.logger.notice("removing a container nobody knows", metadata: [LogKey.backend: "\(name)"])
            do throws(BackendEngineError) {
                try await self.engine.remove(container)
            } catch {
                guard !Task.isCancelled else { return }
                self.logger.warning(
                    "the container could not be removed", metadata: [LogKey.backend: "\(name)", LogKey.error: "\(error)"])
            }
        }
    }

    private func forget() async {
        let now = self.time.now().seconds
        do throws(StoreError) {
            _ = try await self.store.forgetEnded(before: now - Self.memorySeconds, now: now, limit: Self.forgettingLimit)
        } catch {
            guard !Task.isCancelled else { return }
            self.logger.warning("ended backends could not be forgotten", metadata: [LogKey.error: "\(error)"])
        }
    }

    /// Empties SQLite's write-ahead log, because rows lose their secrets when their backends end, but the log still has them. If somebody is reading at this
    /// moment, the next round does it.
    private func emptyLog() async {
        do throws(StoreError) {
            _ = try await self.store.truncateLog()
        } catch {
            guard !Task.isCancelled else { return }
            self.logger.warning("the write-ahead log could not be emptied", metadata: [LogKey.error: "\(error)"])
        }
    }
}
