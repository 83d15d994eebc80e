package import Logging
package import PlaneProtocol
import LogKeys
import PlaneService

/// Publishes the use of resources of each running backend, every 5 s. Backends are asked one after the other, since nothing waits for statistics and two
/// hundred requests at once would be much work for Docker.
package actor UsageReporter {
    private static let period = Duration.seconds(5)

    private let drone: DroneID
    private let cluster: ClusterName
    private let feeds: any EngineFeeds
    private let registry: BackendRegistry
    private let time: AgentTime
    private let logger: Logger
    private let publish: @Sendable (BackendStatsMessage) -> Void
    private var samples: [BackendID: UsageSample] = [:]

    package init(
        drone: DroneID, cluster: ClusterName, feeds: any EngineFeeds, registry: BackendRegistry, time: AgentTime = AgentTime(),
        logger: Logger, publish: @escaping @Sendable (BackendStatsMessage) -> Void
    ) {
        self.drone = drone
        self.cluster = cluster
        self.feeds = feeds
        self.registry = registry
        self.time = time
        self.logger = logger
        self.publish = publish
    }

    package func run() async {
        while !Task.isCancelled {
            await self.report()
            guard (try? await self.time.sleep(Self.period)) != nil else { return }
        }
    }

    /// One round: publishes a message for each backend that has been sampled before.
    package func report() async {
        let running = await self.registry.running
        let containers = await self.registry.containers
        var samples: [BackendID: UsageSample] = [:]
        for backend in running {
            guard let container = containers[backend] else { continue }
            do throws(BackendEngineError) {
                guard let sample = try await self.feeds.usage(of: container) else { continue }
                samples[backend] = sample
                guard let earlier = self.samples[backend], let delta = UsageDelta(from: earlier, to: sample) else { continue }
                self.publish(
                    BackendStatsMessage(
                        cluster: self.cluster, droneID: self.drone, backendID: backend,
                        memoryUsedBytes: delta.memoryUsedBytes, memoryAvailableBytes: delta.memoryLimitBytes,
                        cpuUsedNanoseconds: delta.cpuNanoseconds, systemCPUNanoseconds: delta.systemCPUNanoseconds))
            } catch {
                self.logger.debug(
                    "no statistics this time", metadata: [LogKey.backend: "\(backend)", LogKey.error: "\(error)"])
            }
        }
        self.samples = samples
    }
}

/// What a backend used between two samples.
struct UsageDelta: Hashable {
    var memoryUsedBytes: UInt64
    var memoryLimitBytes: UInt64
    var cpuNanoseconds: UInt64
    var systemCPUNanoseconds: UInt64

    /// Nil when a counter has decreased, because the container was started again in between.
    init?(from earlier: UsageSample, to later: UsageSample) {
        guard later.cpuNanoseconds >= earlier.cpuNanoseconds, later.systemCPUNanoseconds >= earlier.systemCPUNanoseconds else {
            return nil
        }
        self.memoryUsedBytes = later.memoryUsedBytes
        self.memoryLimitBytes = later.memoryLimitBytes
        self.cpuNanoseconds = later.cpuNanoseconds - earlier.cpuNanoseconds
        self.systemCPUNanoseconds = later.systemCPUNanoseconds - earlier.systemCPUNanoseconds
    }
}
