import PlaneProtocol

/// Decides whether a drone has been silent for long enough to be marked `Lost`.
///
/// Silence counts only while this scheduler would have heard the drone: not before it started, while it was cut off from NATS, or while its
/// process or machine stood still. Time is an argument.
struct LostDroneWatch {
    /// Longest time between two calls of `tick`, which come every second. After more, this process or machine stood still, or its clock was set.
    static let longestPause: Duration = .seconds(10)

    private var listeningSince: StateTime?
    private var lastTick: StateTime?

    /// Called every second.
    /// - Parameter isListening: whether this process could have heard drones since the last call.
    mutating func tick(at now: StateTime, isListening: Bool) {
        let pause = self.lastTick.map { now.since($0) } ?? .zero
        self.lastTick = now
        guard isListening else {
            self.listeningSince = nil
            return
        }
        if self.listeningSince == nil || pause > Self.longestPause || pause < .zero { self.listeningSince = now }
    }

    /// Whether a drone has been silent for as long as `limit`.
    /// - Parameter lastHeard: nil for never.
    func isLost(lastHeard: StateTime?, limit: Duration, now: StateTime) -> Bool {
        guard let listeningSince = self.listeningSince, now.since(listeningSince) >= limit else { return false }
        return now.since(max(lastHeard ?? listeningSince, listeningSince)) >= limit
    }
}
