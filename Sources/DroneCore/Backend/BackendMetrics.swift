import Metrics
import PlaneProtocol
import Synchronization

/// The metrics of all backends together. The same times are in each backend's report.
enum BackendMetrics {
    /// A backend has become ready: records the time from the request to the end of each phase.
    static func becameReady(_ phases: SpawnPhases, start: BackendStartKind) {
        let passed = [
            ("accepted", phases.accepted), ("pulled", phases.pulled), ("created", phases.created), ("started", phases.started),
            ("ready", phases.ready),
        ]
        for case (let phase, let microseconds?) in passed {
            Timer(label: "plane_drone_spawn_phase_seconds", dimensions: [("phase", phase), ("start", start.rawValue)]).recordMicroseconds(microseconds)
        }
    }

    /// - Parameter maximum: nil for no limit, which is reported as 0.
    static func counted(running: Int, maximum: UInt32?, isDraining: Bool) {
        Meter(label: "plane_drone_is_draining").set(isDraining ? 1 : 0)
        Meter(label: "plane_drone_running_backends").set(running)
        Meter(label: "plane_drone_max_backends").set(maximum ?? 0)
    }

    /// The number of frozen backends has changed, by 1 or -1.
    static func heldChanged(by change: Int) {
        self.held.withLock { count in
            count += change
            Meter(label: "plane_drone_held_backends").set(count)
        }
    }

    private static let held = Mutex(0)

    /// - Parameter duration: from noticing that somebody wants the backend until its processes go on.
    static func thawed(after duration: Duration) {
        Timer(label: "plane_drone_thaw_seconds").recordNanoseconds(Int64(duration / .nanoseconds(1)))
    }

    static func ended(_ state: BackendState) {
        Counter(label: "plane_drone_backends_ended_total", dimensions: [("state", state.rawValue)]).increment()
    }
}
