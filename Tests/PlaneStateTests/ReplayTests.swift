import Testing

@testable import PlaneProtocol
@testable import PlaneState

@Suite("Live history and replay of what the stream keeps")
struct ReplayTests {
    /// Each seed is a history of its own; a failure names it, and it alone repeats the failure.
    @Test("give the same fleet, whatever the history", arguments: 0..<20)
    func sameFleet(block: UInt64) {
        for seed in block * 100..<(block + 1) * 100 {
            var history = RandomHistory(seed: seed)
            for step in 0..<80 {
                history.step()
                guard step % 16 == 15 else { continue }
                let live = StateSummary(history.stream.live, locks: RandomHistory.locks)
                let replayed = StateSummary(history.stream.replayed, locks: RandomHistory.locks)
                guard live == replayed else {
                    Issue.record("seed \(seed), step \(step):\nlive     \(live)\nreplayed \(replayed)")
                    return
                }
                Self.expectSound(history.stream.live, seed: seed)
            }
        }
    }

    /// What must hold in every fleet.
    private static func expectSound(_ fleet: FleetState, seed: UInt64) {
        let backends = fleet.backends(in: cluster)
        for drone in fleet.drones(in: cluster) {
            let live = backends.count { $0.drone == drone.id && !($0.state?.isTerminal ?? false) }
            #expect(drone.liveBackends == live, "seed \(seed): backends counted for \(drone.id)")
        }
        for lock in RandomHistory.locks {
            let claimants = backends.filter { $0.lock == lock && !($0.state?.isTerminal ?? false) }.map(\.id)
            if case .held(let holder) = fleet.lock(lock, in: cluster) {
                #expect(claimants.contains(holder), "seed \(seed): \(lock) is held by a backend that ended or lost its claim")
            } else {
                #expect(claimants.isEmpty, "seed \(seed): nobody holds \(lock), and \(claimants) run for it")
            }
        }
    }
}
