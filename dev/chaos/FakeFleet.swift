import Logging
import NATS
import NetworkAddresses
import PlaneMessaging
import PlaneProtocol
import PlaneService
import Simulation
import Synchronization

/// Drones that run nothing but keep the books, over real NATS: they register, beat, answer spawn requests (or refuse, or stay silent), let
/// backends live for a moment, and report their states until somebody has them, as agents do.
final class FakeFleet: Sendable {
    struct Settings: Sendable {
        var cluster: ClusterName
        var drones: Int
        var seed: UInt64
    }

    private struct Drone {
        let id: DroneID
        var live: [BackendID: RollCall.Entry] = [:]
        /// Every id it was ever asked for: a repeated request is answered as the first.
        var known: Set<BackendID> = []
    }

    /// They know keys.
    private static let abilities = DroneAbilities(pool: .unnamed)

    private enum Mood { case accept, refuse, silentAndDeaf, silentButWorking }

    private let settings: Settings
    private let bus: PlaneBus
    private let ledger: Ledger
    private let drones: Mutex<[Drone]>
    private let generator: Mutex<SplitMix64>

    init(_ settings: Settings, bus: PlaneBus, ledger: Ledger) throws {
        self.settings = settings
        self.bus = bus
        self.ledger = ledger
        self.generator = Mutex(SplitMix64(seed: settings.seed))
        self.drones = Mutex(
            try (0..<settings.drones).map { number in
                guard let id = DroneID(rawValue: "drone-\(number)") else { throw InvalidName() }
                return Drone(id: id)
            })
    }

    struct InvalidName: Error {}

    /// Runs until cancelled.
    func run() async throws {
        try await withThrowingDiscardingTaskGroup { group in
            for index in 0..<self.settings.drones {
                let id = self.drones.withLock { $0[index].id }
                let spawns = try self.bus.subscribe(
                    to: SpawnRequest.self, on: SpawnRequest.subject(cluster: self.settings.cluster, drone: id))
                let calls = try self.bus.subscribe(
                    to: RollCallRequest.self, on: RollCallRequest.subject(cluster: self.settings.cluster, drone: id))
                let work = AsyncStream.makeStream(of: (BackendID, LockName?).self)
                group.addTask {
                    await spawns.serve(maxConcurrent: 64) { request in
                        await self.take(request, drone: index) { work.continuation.yield(($0, $1)) }
                    }
                }
                group.addTask { await calls.serve(maxConcurrent: 4) { _ in .success(self.rollCall(of: index)) } }
                group.addTask { await self.live(work.stream, drone: index) }
                group.addTask { await self.beat(index, id) }
            }
            let terminations = try self.bus.subscribe(to: TerminationRequest.self)
            group.addTask {
                await terminations.serve(maxConcurrent: 256) { await self.terminate($0.backendID) ? .success(UnitReply()) : nil }
            }
        }
    }

    private func beat(_ index: Int, _ id: DroneID) async {
        let registration = DroneConnectRequest(
            droneID: id, version: "chaos", cluster: self.settings.cluster, ip: .v4(0x7F00_0001), abilities: Self.abilities)
        while !Task.isCancelled {
            if (try? await self.bus.request(registration, timeout: .seconds(2))) != nil { break }
            try? await Task.sleep(for: .milliseconds(200))
        }
        while !Task.isCancelled {
            let live = self.drones.withLock { $0[index].live.count }
            try? self.bus.publish(
                DroneStatusMessage(
                    droneID: id, cluster: self.settings.cluster, droneVersion: "chaos", state: .ready, runningBackends: UInt32(live)))
            try? await Task.sleep(for: .seconds(4))
        }
    }

    private func take(
        _ request: SpawnRequest, drone index: Int, begin: @Sendable (BackendID, LockName?) -> Void
    ) async -> Result<Bool, ErrorReply>? {
        let mood: Mood = self.generator.withLock { generator in
            switch Int.random(in: 0..<1000, using: &generator) {
            case ..<960: .accept
            case ..<985: .refuse
            case ..<993: .silentAndDeaf
            default: .silentButWorking
            }
        }
        let isKnown = self.drones.withLock { $0[index].known.contains(request.backendID) }
        if isKnown { return .success(true) }
        switch mood {
        case .refuse: return .success(false)
        case .silentAndDeaf: return nil
        case .accept, .silentButWorking:
            let lock = request.metadata["lock"].flatMap { LockName(rawValue: $0) }
            let isNew = self.drones.withLock { drones in
                guard drones[index].known.insert(request.backendID).inserted else { return false }
                drones[index].live[request.backendID] = RollCall.Entry(
                    backend: request.backendID, state: .loading, bearerToken: request.bearerToken, lockAssignment: request.lockAssignment,
                    key: request.key, fencingToken: request.fencingToken)
                return true
            }
            if isNew {
                self.ledger.started(request.backendID, lock: lock, hasKey: request.key != nil, fencingToken: request.fencingToken)
                begin(request.backendID, lock)
            }
            return mood == .accept ? .success(true) : nil
        }
    }

    /// Each backend reports its states and ends after a moment, unless somebody ends it before.
    private func live(_ backends: AsyncStream<(BackendID, LockName?)>, drone index: Int) async {
        await withDiscardingTaskGroup { group in
            for await (backend, lock) in backends {
                let (lifetime, grace) = self.generator.withLock { (Int.random(in: 200...4000, using: &$0), Int.random(in: 0...600, using: &$0)) }
                group.addTask {
                    await self.report(.loading, backend, index)
                    await self.report(.ready, backend, index)
                    try? await Task.sleep(for: .milliseconds(lifetime))
                    // As agents do: that its end has begun is told while its process runs on.
                    await self.report(.ready, backend, index, ending: BackendEnding(.soft, .swept, at: .now()))
                    try? await Task.sleep(for: .milliseconds(grace))
                    await self.end(backend, lock: lock, as: .swept, drone: index)
                }
            }
            group.cancelAll()
        }
    }

    private func end(_ backend: BackendID, lock: LockName?, as state: BackendState, drone index: Int) async {
        let wasLive = self.drones.withLock { $0[index].live.removeValue(forKey: backend) != nil }
        guard wasLive else { return }
        self.ledger.ended(backend, lock: lock)
        await self.report(state, backend, index)
    }

    /// Answered once the backend has ended and somebody knows.
    private func terminate(_ backend: BackendID) async -> Bool {
        let found = self.drones.withLock { drones in
            drones.indices.first { drones[$0].live[backend] != nil }.map { ($0, drones[$0].live[backend]?.lockAssignment?.lock) }
        }
        guard let (index, lock) = found else { return false }
        await self.end(backend, lock: lock, as: .terminated, drone: index)
        return true
    }

    /// Until somebody has it, like an agent's outbox.
    private func report(_ state: BackendState, _ backend: BackendID, _ index: Int, ending: BackendEnding? = nil) async {
        let drone = self.drones.withLock { drones in
            drones[index].live[backend]?.state = state
            return drones[index].id
        }
        let update = UpdateBackendStateMessage(
            cluster: self.settings.cluster, state: state, backend: backend, time: .now(), drone: drone,
            detail: ending.map { BackendStatusDetail(ending: $0) })
        while !Task.isCancelled {
            if (try? await self.bus.request(update, timeout: .seconds(5))) != nil { return }
            try? await Task.sleep(for: .milliseconds(100))
        }
    }

    private func rollCall(of index: Int) -> RollCall {
        let entries = self.drones.withLock { $0[index].live.values.sorted { $0.backend.rawValue < $1.backend.rawValue } }
        return RollCall(metadata: DroneMetadata(ip: .v4(0x7F00_0001), version: "chaos", abilities: Self.abilities), backends: entries, isComplete: true)
    }
}
