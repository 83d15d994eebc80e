import PlaneMessaging
import PlaneProtocol
import PlaneService
import Synchronization

/// Says for every drone of a fleet, every 4 s, that it lives, and takes every backend.
final class BenchFleet: Sendable {
    private let fleet: BenchState
    private let bus: PlaneBus
    /// Images that each drone says it has; 0 for drones that do not say it.
    private let images: Int
    /// Backends of each drone.
    private let live: Mutex<[DroneID: Int]>
    /// How many backends each drone had when it last said which images it has.
    private let said = Mutex<[DroneID: Int]>([:])

    /// The agent's.
    private static let period: Duration = .seconds(4)
    /// Parts of the period in which a part of the drones speaks.
    private static let parts = 100
    /// Periods after which a drone says again which images it has, if nothing has changed.
    private static let repetition = 8

    /// Images in the fleet, of which each drone has some.
    static let names = (0..<500).map { "registry.example/team-\($0 % 7)/app-\($0):1.4" }

    init(fleet: BenchState, images: Int = 0, bus: PlaneBus) {
        self.fleet = fleet
        self.images = images
        self.bus = bus
        self.live = Mutex(Dictionary(uniqueKeysWithValues: fleet.drones.map { ($0, fleet.backendsPerDrone) }))
    }

    func run() async throws {
        let spawns = try self.bus.subscribe(to: SpawnRequest.self)
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask {
                await spawns.serve(maxConcurrent: 256) { request in
                    self.live.withLock { $0[request.droneID, default: 0] += 1 }
                    return .success(true)
                }
            }
            var next = ContinuousClock.now
            for part in 0... {
                for index in stride(from: part % Self.parts, to: self.fleet.drones.count, by: Self.parts) {
                    self.speak(self.fleet.drones[index], index, isRepeating: (part / Self.parts + index) % Self.repetition == 0)
                }
                next += Self.period / Self.parts
                guard (try? await Task.sleep(until: next)) != nil else { break }
            }
            group.cancelAll()
        }
    }

    private func speak(_ drone: DroneID, _ index: Int, isRepeating: Bool) {
        let live = self.live.withLock { $0[drone] ?? 0 }
        var status = DroneStatusMessage(
            droneID: drone, cluster: self.fleet.cluster, droneVersion: "bench", state: .ready, runningBackends: UInt32(clamping: live))
        status.pool = .unnamed
        if self.images > 0, self.said.withLock({ $0.updateValue(live, forKey: drone) }) != live || isRepeating {
            // Some are on every drone, others on few.
            let names = (0..<self.images).map { Self.names[($0 < self.images / 2 ? $0 : index + $0 * 17) % Self.names.count] }
            status.starts = DroneStarts(
                images: names.map { .init(name: $0, digest: "sha256:" + String(repeating: "0a", count: 32), readyMilliseconds: 240) },
                readyMilliseconds: 250, pullMilliseconds: 9000, processors: 4)
        }
        // One that is not sent is as good as one that is lost on the way.
        try? self.bus.publish(status)
    }
}
