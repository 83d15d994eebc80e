import Metrics
import PlaneProtocol
import PlaneState
import Timing

/// The metrics of the scheduler. To be made after the metrics system was set up.
package struct SchedulerMetrics: Sendable {
    private let scheduleSeconds = Timer(label: "plane_scheduler_schedule_seconds")
    private let isCurrent = Meter(label: "plane_scheduler_state_is_current")
    private let sequence = Meter(label: "plane_scheduler_state_sequence")
    private let stateMessages = Meter(label: "plane_scheduler_state_messages")
    private let stateBytes = Meter(label: "plane_scheduler_state_bytes")
    private let storeBytes = Meter(label: "plane_scheduler_store_bytes")
    private let storeLimitBytes = Meter(label: "plane_scheduler_store_limit_bytes")
    private let tokenBytes = Meter(label: "plane_scheduler_token_bytes")
    private let tokenLimitBytes = Meter(label: "plane_scheduler_token_limit_bytes")
    private let silentDrones = Meter(label: "plane_scheduler_silent_drones")
    private let labels = ClusterLabels()

    package init() {}

    func answered(_ reply: ScheduleReply, cluster: ClusterName, fleet: StateStore, after duration: Duration) {
        self.scheduleSeconds.recordNanoseconds(duration.wholeNanoseconds)
        Counter(
            label: "plane_scheduler_schedule_requests_total",
            dimensions: [("cluster", self.labels.label(of: cluster) { fleet.ask { !$0.drones(in: cluster).isEmpty } }), ("result", Self.result(of: reply))]
        ).increment()
    }

    /// - Parameter isCurrent: whether this scheduler's heartbeats come back from the stream.
    func fleet(isCurrent: Bool, sequence: UInt64) {
        self.isCurrent.set(isCurrent ? 1 : 0)
        self.sequence.set(Double(sequence))
    }

    func drones(silent: Int) { self.silentDrones.set(silent) }

    /// - Parameters:
    ///   - stateMessages: how many messages the stream of the state of the fleet has.
    ///   - storeLimit: nil if the limit is not known.
    func streams(stateMessages: UInt64, stateBytes: UInt64, storeBytes: UInt64, storeLimit: UInt64?) {
        self.stateMessages.set(Double(stateMessages))
        self.stateBytes.set(Double(stateBytes))
        self.storeBytes.set(Double(storeBytes))
        self.storeLimitBytes.set(Double(storeLimit ?? 0))
    }

    /// - Parameters:
    ///   - tokenBytes: how large the stream of visitors' tokens is.
    ///   - limit: nil if it has none.
    func tokens(_ tokenBytes: UInt64, limit: UInt64?) {
        self.tokenBytes.set(Double(tokenBytes))
        self.tokenLimitBytes.set(Double(limit ?? 0))
    }

    private static func result(of reply: ScheduleReply) -> String {
        switch reply {
        case .scheduled(let backend): backend.spawned ? "spawned" : "lock_held"
        case .noDroneAvailable: "no_drone_available"
        case .error: "error"
        }
    }
}
