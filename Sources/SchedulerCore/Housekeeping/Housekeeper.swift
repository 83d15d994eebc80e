import Logging
import LogKeys
import NATS
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneState
import SchedulerCoreConfiguration
import Synchronization

/// The work that one scheduler does for all, whichever has the lease: it marks silent drones and their backends `Lost`, asks drones that report
/// another number of backends than the state counts, and purges outdated messages and tokens.
final class Housekeeper: Sendable {
    private let bus: PlaneBus
    private let fleet: StateStore
    private let caller: InventoryCollector
    private let lostMarker: LostMarker
    private let retention: Retention
    private let lostAfter: Duration?
    private let metrics: SchedulerMetrics
    private let logger: Logger
    private let watch = Mutex(LostDroneWatch())
    private let hasLease = Mutex(false)

    private static let period: Duration = .seconds(1)
    /// Drones are checked in every fifth round only, since each check goes over all of them.
    private static let dronesEvery = 5
    /// Drones asked at the same time.
    private static let callsAtOnce = 8
    /// Time within which this scheduler's own writes have to come back through the stream.
    private static let echoLimit: Duration = .seconds(2)

    init(bus: PlaneBus, fleet: StateStore, writer: StateWriter, configuration: SchedulerConfiguration, metrics: SchedulerMetrics, logger: Logger) {
        self.bus = bus
        self.fleet = fleet
        self.caller = InventoryCollector(bus: bus, fleet: fleet, writer: writer, configuration: configuration, logger: logger)
        self.lostMarker = LostMarker(bus: bus, writer: writer, logger: logger)
        self.retention = Retention(jetStream: bus.connection.jetStream, fleet: fleet, configuration: configuration, logger: logger)
        self.lostAfter = configuration.lostAfter
        self.metrics = metrics
        self.logger = logger
    }

    /// Does this work until the task is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.listen() }
            group.addTask { await self.sweepTokens() }
            await self.work()
            group.cancelAll()
        }
    }

    /// Tells the `LostDroneWatch` every second whether this process would have heard a drone, and counts those that are silent.
    private func listen() async {
        var round = 0
        while (try? await Task.sleep(for: Self.period)) != nil {
            let isListening = self.fleet.isCaughtUp && self.fleet.isCurrent && self.bus.connection.isConnected
            self.watch.withLock { $0.tick(at: .now(), isListening: isListening) }
            round += 1
            if round % Self.dronesEvery == 0 { self.metrics.drones(silent: self.silentDrones(now: .now())) }
        }
    }

    /// Drones that get no backends because nothing was heard of them, and are not marked `Lost` yet.
    private func silentDrones(now: StateTime) -> Int {
        let watch = self.watch.withLock { $0 }
        return self.fleet.drones {
            $0.state != .lost && $0.state != .stopped && watch.isLost(lastHeard: $0.lastHeard, limit: Placement.livenessWindow, now: now)
        }.count
    }

    private func work() async {
        var lease = HousekeepingLease(jetStream: self.bus.connection.jetStream)
        var suspicions = InventoryMachine()
        var scan = RetentionScan()
        var round = 0
        while (try? await Task.sleep(for: Self.period)) != nil {
            let hasLease = self.fleet.isCaughtUp && self.fleet.isCurrent ? await lease.keep() : false
            self.hasLease.withLock { $0 = hasLease }
            guard hasLease else { continue }
            round += 1
            if round % Self.dronesEvery == 0 {
                await self.markSilentDronesLost(now: .now())
                await self.askSuspectedDrones(&suspicions, now: .now())
            }
            await self.retention.advance(&scan, now: .now())
        }
        await lease.release()
    }

    /// Sweeps tokens in a task of its own, because reading a long stream must not delay the other work.
    private func sweepTokens() async {
        var sweep = TokenSweep(jetStream: self.bus.connection.jetStream, fleet: self.fleet, logger: self.logger)
        while (try? await Task.sleep(for: TokenSweep.period)) != nil {
            if self.hasLease.withLock({ $0 }) { await sweep.advance(now: .now()) }
        }
    }

    private func markSilentDronesLost(now: StateTime) async {
        guard let limit = self.lostAfter else { return }
        let watch = self.watch.withLock { $0 }
        let lost = self.fleet.drones { $0.needsMarkingLost && watch.isLost(lastHeard: $0.lastHeard, limit: limit, now: now) }
        var gone: [DroneSnapshot] = []
        var last: UInt64 = 0
        for drone in lost {
            // The drone may have been heard while others were being marked.
            guard watch.isLost(lastHeard: self.fleet.lastHeard(drone.id, in: drone.cluster), limit: limit, now: now) else { continue }
            guard let sequence = await self.lostMarker.drone(drone.id, in: drone.cluster) else { continue }
            gone.append(drone)
            last = sequence
        }
        guard !gone.isEmpty else { return }
        await self.adoptWhatMoved(in: Set(gone.map(\.cluster)), after: last)
        for drone in gone {
            let backends = self.fleet.ask { $0.liveBackends(of: drone.id, in: drone.cluster) }
            await self.lostMarker.backends(backends, of: drone.id, in: drone.cluster)
        }
    }

    /// Moves the backends of a lost drone to the drone that has them now: an agent with a new id has the backends of its old one.
    private func adoptWhatMoved(in clusters: Set<ClusterName>, after sequence: UInt64) async {
        _ = await self.fleet.waitUntil(sequence: sequence, within: Self.echoLimit)
        let claimants = self.fleet.drones { $0.isInconsistent && $0.state != .lost && clusters.contains($0.cluster) }
        guard !claimants.isEmpty else { return }
        _ = await self.call(claimants.map { InventoryMachine.Drone(drone: $0.id, cluster: $0.cluster) })
        do {
            let written = try await self.bus.connection.jetStream.streamInfo(SchedulerStreams.planeState).lastSequence
            _ = await self.fleet.waitUntil(sequence: written, within: Self.echoLimit)
        } catch {
            self.logger.debug("the stream's end cannot be asked for", metadata: [LogKey.error: "\(error)"])
        }
    }

    private func askSuspectedDrones(_ suspicions: inout InventoryMachine, now: StateTime) async {
        var differing: [InventoryMachine.Drone: StateTime] = [:]
        for drone in self.fleet.drones(where: \.isInconsistent) {
            differing[InventoryMachine.Drone(drone: drone.id, cluster: drone.cluster)] = drone.lastHeard
        }
        let due = suspicions.update(with: differing, now: now)
        for case (let drone, .agreed(let missing)) in await self.call(due) {
            let gone = suspicions.answered(drone, missing: missing, now: .now())
            await self.lostMarker.backends(gone, of: drone.drone, in: drone.cluster)
        }
    }

    /// Asks these drones what they run, `callsAtOnce` at a time.
    private func call(_ drones: [InventoryMachine.Drone]) async -> [(InventoryMachine.Drone, InventoryCollector.Outcome)] {
        await withTaskGroup(of: (InventoryMachine.Drone, InventoryCollector.Outcome).self) { group in
            var answers: [(InventoryMachine.Drone, InventoryCollector.Outcome)] = []
            for (index, drone) in drones.enumerated() {
                if index >= Self.callsAtOnce, let answer = await group.next() { answers.append(answer) }
                group.addTask { (drone, await self.caller.call(drone.drone, in: drone.cluster)) }
            }
            for await answer in group { answers.append(answer) }
            return answers
        }
    }
}
