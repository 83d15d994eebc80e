package import Logging
package import PlaneProtocol

/// Publishes the machine's use of its resources once a second, as the separate metrics process of 0.3.24 does (dev/docs/protocol.md, M16 DroneStatsMessage).
package struct HostReporter: Sendable {
    /// The period of 0.3.24; a message has 250 bytes.
    private static let period = Duration.seconds(1)

    private let drone: DroneID
    private let cluster: ClusterName
    private let time: AgentTime
    private let logger: Logger
    private let publish: @Sendable (DroneStatsMessage) -> Void

    package init(
        drone: DroneID, cluster: ClusterName, time: AgentTime = AgentTime(), logger: Logger,
        publish: @escaping @Sendable (DroneStatsMessage) -> Void
    ) {
        self.drone = drone
        self.cluster = cluster
        self.time = time
        self.logger = logger
        self.publish = publish
    }

    package func run() async {
        guard var earlier = HostSample.read() else {
            self.logger.notice("this machine keeps no accounts in /proc; its statistics are not published")
            return
        }
        while (try? await self.time.sleep(Self.period)) != nil {
            guard let sample = HostSample.read() else { continue }
            self.publish(self.message(sample, since: earlier))
            earlier = sample
        }
    }

    func message(_ sample: HostSample, since earlier: HostSample) -> DroneStatsMessage {
        DroneStatsMessage(
            numberOfCPUs: UInt64(sample.cpus.count), cpuUsagePercent: sample.cpuPercent(since: earlier),
            memoryAvailableBytes: sample.memoryAvailableBytes, memoryTotalBytes: sample.memoryTotalBytes,
            numberOfDisks: UInt64(sample.disks.count), diskAvailableBytes: sample.disks.map(\.availableBytes),
            diskTotalBytes: sample.disks.map(\.totalBytes),
            // In the body, too, the cluster's name has the form used in subjects.
            cluster: ClusterName(rawValue: self.cluster.subjectToken) ?? self.cluster, drone: self.drone)
    }
}
