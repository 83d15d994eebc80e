import NATS
import PlaneMessaging
import PlaneProtocol
import PlaneService
import Simulation

/// Applications that want backends: each asks, waits for its answer as long as the protocol says, asks again when the attempt was lost, and
/// pauses.
struct Clients: Sendable {
    struct Settings: Sendable {
        var cluster: ClusterName
        var clients: Int
        var locks: Int
        var seed: UInt64
        /// Attempts after which it is a violation that there was no answer.
        var mostAttempts: Int
    }

    let settings: Settings
    let bus: PlaneBus
    let ledger: Ledger

    /// Every request is answered by then, or its scheduler was ended.
    static let answerLimit: Duration = PlaneBus.requestTimeout

    /// Runs until `end`; then what was asked is still answered.
    func run(until end: ContinuousClock.Instant) async {
        await withDiscardingTaskGroup { group in
            for number in 0..<self.settings.clients {
                group.addTask {
                    var generator = SplitMix64(seed: self.settings.seed &+ UInt64(number) &* 7919)
                    while .now < end {
                        await self.ask(&generator)
                        try? await Task.sleep(for: .milliseconds(Int.random(in: 5...400, using: &generator)))
                    }
                }
            }
        }
    }

    /// Asks for one of the locks, or for none. Every second lock is a key's.
    static func request(in cluster: ClusterName, lock number: Int?, tag: String = "") -> ScheduleRequest {
        let key = number.flatMap { $0 % 2 == 0 ? BackendKey(namespace: "chaos", name: "doc-\($0)", tag: tag) : nil }
        let lock = key?.lock ?? number.flatMap { LockName(rawValue: "doc-\($0)") }
        return ScheduleRequest(
            cluster: cluster, maxIdle: 60, metadata: lock.map { ["lock": $0.rawValue] } ?? [:], executable: DockerExecutableConfig(image: "none"),
            lock: lock, key: key)
    }

    private func ask(_ generator: inout SplitMix64) async {
        // One in ten wants no lock.
        let isLocked = Int.random(in: 0..<10, using: &generator) > 0
        let number = isLocked ? Int.random(in: 0..<self.settings.locks, using: &generator) : nil
        let request = Self.request(in: self.settings.cluster, lock: number, tag: "v\(Int.random(in: 0..<3, using: &generator))")
        for attempt in 1...self.settings.mostAttempts {
            let start = ContinuousClock.now
            do throws(BusRequestError) {
                let reply = try await self.bus.request(request, timeout: Self.answerLimit)
                if case .error(let error) = reply, error.code == .unavailable, attempt < self.settings.mostAttempts {
                    self.ledger.trouble("Unavailable, asked again")
                } else {
                    return self.ledger.answered(reply, attempts: attempt, took: .now - start)
                }
            } catch {
                self.ledger.trouble(Self.name(of: error))
                if !self.ledger.mayBeLost(since: start) {
                    self.ledger.violation("no answer though no scheduler was ended: \(error)")
                }
            }
            try? await Task.sleep(for: .milliseconds(Int.random(in: 50...250, using: &generator)))
        }
        self.ledger.violation("no answer in \(self.settings.mostAttempts) attempts")
    }

    private static func name(of error: BusRequestError) -> String {
        switch error {
        case .transport(let error): "lost: \(error.code.rawValue)"
        case .refused(let reply): "refused: \(reply.code)"
        case .unreadable: "unreadable answer"
        }
    }
}
