package import DroneStore
package import Logging
import LogKeys
import NATS
package import PlaneMessaging
package import PlaneProtocol
import PlaneService

/// Publishes the drone's status (whether it takes backends, how many it has) every 4 s, and at once when it changes.
package struct HeartbeatReporter: Sendable {
    /// The period of 0.3.24. A drone that is silent for 30 s gets no backends.
    private static let period = Duration.seconds(4)

    private let drone: DroneID
    private let cluster: ClusterName
    private let maxBackends: UInt32?
    private let pool: PoolName
    private let condition: DroneCondition
    private let isIsolated: @Sendable () -> Bool?
    private let starts: StartsReporter?
    private let store: DroneStore
    private let bus: PlaneBus
    private let time: AgentTime
    private let logger: Logger

    package init(
        drone: DroneID, cluster: ClusterName, maxBackends: UInt32?, pool: PoolName = .unnamed, condition: DroneCondition,
        isIsolated: @escaping @Sendable () -> Bool? = { nil }, starts: StartsReporter? = nil, store: DroneStore, bus: PlaneBus,
        time: AgentTime = AgentTime(), logger: Logger
    ) {
        self.drone = drone
        self.cluster = cluster
        self.maxBackends = maxBackends
        self.pool = pool
        self.condition = condition
        self.isIsolated = isIsolated
        self.starts = starts
        self.store = store
        self.bus = bus
        self.time = time
        self.logger = logger
    }

    package func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask {
                for await _ in self.condition.changes { await self.beat() }
            }
            repeat {
                await self.beat()
            } while (try? await self.time.sleep(Self.period)) != nil
            group.cancelAll()
        }
    }

    /// If the table cannot be read, the last known number is reported again, so that the drone does not fall silent.
    private func countLive() async {
        do throws(StoreError) {
            let count = try await self.store.liveCount()
            self.condition.set(liveBackends: count)
            BackendMetrics.counted(running: count, maximum: self.maxBackends, isDraining: self.condition.isDraining)
        } catch {
            guard !Task.isCancelled else { return }
            self.logger.warning("live backends could not be counted", metadata: [LogKey.error: "\(error)"])
        }
    }

    private func beat() async {
        await self.countLive()
        var message = DroneStatusMessage(
            droneID: self.drone, cluster: self.cluster, droneVersion: BuildInformation.version, state: self.condition.state,
            runningBackends: self.condition.liveBackends.map { UInt32(clamping: $0) }, maxBackends: self.maxBackends)
        message.isIsolated = self.isIsolated()
        message.pool = self.pool
        message.starts = self.starts?.news()
        do throws(NATSError) {
            try self.bus.publish(message)
        } catch {
            if message.starts != nil { self.starts?.notSent() }
            self.logger.debug("status not sent", metadata: [LogKey.error: "\(error)"])
        }
    }
}
