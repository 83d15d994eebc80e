import Metrics
import PlaneProtocol
import PlaneState

/// What the scheduler counts. Made after the metrics system was set up.
package struct SchedulerMetrics: Sendable {
    private let scheduleSeconds = Timer(label: "plane_scheduler_schedule_seconds")
    private let isCurrent = Meter(label: "plane_scheduler_world_is_current")
    private let sequence = Meter(label: "plane_scheduler_world_sequence")
    private let labels = ClusterLabels()

    package init() {}

    func answered(_ reply: ScheduleReply, cluster: ClusterName, world: LiveWorld, after duration: Duration) {
        self.scheduleSeconds.recordNanoseconds(duration.wholeNanoseconds)
        Counter(
            label: "plane_scheduler_schedule_requests_total",
            dimensions: [("cluster", self.labels.label(of: cluster) { world.ask { !$0.drones(in: cluster).isEmpty } }), ("result", Self.result(of: reply))]
        ).increment()
    }

    /// - Parameter isCurrent: whether what we write comes back to us.
    func world(isCurrent: Bool, sequence: UInt64) {
        self.isCurrent.set(isCurrent ? 1 : 0)
        self.sequence.set(Double(sequence))
    }

    private static func result(of reply: ScheduleReply) -> String {
        switch reply {
        case .scheduled(let backend): backend.spawned ? "spawned" : "lock_held"
        case .noDroneAvailable: "no_drone_available"
        case .error: "error"
        }
    }
}
