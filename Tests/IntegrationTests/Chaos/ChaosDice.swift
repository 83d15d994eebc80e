import DroneCore

/// Chooses, the same for the same seed (SplitMix64, Steele, Lea and Flood 2014).
struct ChaosDice: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { self.state = seed }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func pick<Element>(_ elements: [Element]) -> Element { elements[Int.random(in: elements.indices, using: &self)] }

    mutating func milliseconds(_ range: ClosedRange<Int>) -> Duration { .milliseconds(Int.random(in: range, using: &self)) }
}

/// What is done to a drone.
enum ChaosBlow: String, CaseIterable {
    case agentKilled, agentReplaced, agentKilledAtFaultPoint
    case proxyKilled, natsKilled, natsStopped, schedulerKilled, schedulerReplaced
    case natsAndAgentKilled, everythingKilled
    case tableLocked, containerRemoved, containerKilled
    /// Only where the Docker is the test's own.
    case dockerKilled

    static func possible(withOwnDocker: Bool) -> [ChaosBlow] { self.allCases.filter { withOwnDocker || $0 != .dockerKilled } }
}

/// What is asked for, and what becomes of it if nobody disturbs.
enum ChaosBackend: CaseIterable {
    case serves, swept, crashesOnBoot, exits, fails, cannotRun, hasNoImage
}
