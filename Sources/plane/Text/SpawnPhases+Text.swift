import PlaneClient
import PlaneProtocol

extension SpawnPhases {
    /// The phases in order, and how long each took since the previous one that was reached.
    var steps: [(name: String, duration: Duration)] {
        let reached = [
            ("scheduled", self.scheduled), ("accepted", self.accepted), ("pulled", self.pulled),
            ("created", self.created), ("started", self.started), ("ready", self.ready),
        ].compactMap { name, time in time.map { (name: name, time: $0) } }
        return zip(reached, reached.dropFirst()).map { before, after in
            (after.name, .microseconds(max(0, after.time - before.time)))
        }
    }

    /// The phases on one line: `accepted 2 ms · created 6 ms · started 204 ms · ready 1 ms`.
    var brief: String {
        self.steps.map { "\($0.name) \($0.duration.brief)" }.joined(separator: " · ")
    }

    /// The time from the first known phase to the last.
    var total: Duration {
        self.steps.reduce(.zero) { $0 + $1.duration }
    }
}
