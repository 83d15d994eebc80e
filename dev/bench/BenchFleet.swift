import PlaneMessaging
import PlaneProtocol
import PlaneService
import Synchronization

/// Says for every drone of a fleet, every 4 s, that it lives, and takes every backend.
final class BenchFleet: Sendable {
    private let fleet: BenchState
    private let bus: PlaneBus
    /// Backends of each drone.
    private let live: Mutex<[DroneID: Int]>

    /// The agent's.
    private static let period: Duration = .seconds(4)
    /// Parts of the period in which a part of the drones speaks.
    private static let parts = 100

    init(fleet: BenchState, bus: PlaneBus) {
        self.fleet = fleet
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
                for index in stride(from: part % Self.parts, to: self.fleet.drones.count, by: Self.parts) { self.speak(self.fleet.drones[index]) }
                next += Self.period / Self.parts
                guard (try? await Task.sleep(until: next)) != nil else { break }
            }
            group.cancelAll()
        }
    }

    private func speak(_ drone: DroneID) {
        let live = self.live.withLock { $0[drone] ?? 0 }
        var status = DroneStatusMessage(
            droneID: drone, cluster: self.fleet.cluster, droneVersion: "bench", state: .ready, runningBackends: UInt32(clamping: live))
        status.pool = .unnamed
        // One that is not sent is as good as one that is lost on the way.
        try? self.bus.publish(status)
    }
}
