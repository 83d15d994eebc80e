import PlaneProtocol

/// Decides from when on a drone's silence counts against it.
///
/// Silence is held against a drone only by who would have heard it: not by a scheduler that has just begun, was cut off from NATS, or
/// was itself asleep. Knows no time but what it is told.
struct LostDroneWatch {
    /// Asked once a second; if it was not for so long, this process or machine stood still, or its clock was set.
    static let longestPause: Duration = .seconds(10)

    private var listeningSince: WorldTime?
    private var lastTick: WorldTime?

    /// To be called every second.
    /// - Parameter isListening: whether drones could have been heard since the last call.
    mutating func tick(at now: WorldTime, isListening: Bool) {
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
    func isLost(lastHeard: WorldTime?, limit: Duration, now: WorldTime) -> Bool {
        guard let listeningSince = self.listeningSince, now.since(listeningSince) >= limit else { return false }
        return now.since(max(lastHeard ?? listeningSince, listeningSince)) >= limit
    }
}
