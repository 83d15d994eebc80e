import NATS
import NetworkAddresses
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneState
import PlaneTestSupport
import Synchronization

@testable import SchedulerCore

/// A drone as the scheduler sees one: registered, ready, and answering requests to spawn in a way the test says.
final class FakeDrone: Sendable {
    enum Answer: Sendable {
        case accept
        case refuse
        case error(ErrorReply)
        case silence
        /// As soon as the drone is asked the next time.
        indirect case whenAskedAgain(Answer)
        /// When the test says so, by `giveHeldAnswers`.
        indirect case held(Answer)
    }

    /// The subjects on which it registers.
    enum Subjects: Sendable { case own, shared }

    let id: DroneID
    let cluster: TestCluster
    private let subjects: Subjects
    private let abilities: DroneAbilities
    private let answers: Mutex<[Answer]>
    private let spawns = Mutex<[SpawnRequest]>([])
    private let accepted = Mutex<Set<BackendID>>([])
    private let terminations = Mutex<[BackendID]>([])
    /// Who waits to answer: until the drone is asked again, or until the test says so.
    private let waiting = Mutex<[(isHeld: Bool, signal: AsyncStream<Void>.Continuation)]>([])
    /// What it says to a roll call.
    let running = Mutex<[RollCall.Entry]>([])

    private init(_ id: DroneID, _ cluster: TestCluster, _ answers: [Answer], _ subjects: Subjects, _ abilities: DroneAbilities) {
        self.id = id
        self.abilities = abilities
        self.subjects = subjects
        self.cluster = cluster
        self.answers = Mutex(answers)
    }

    /// Runs `body` with a drone that the schedulers find fit.
    /// - Parameter answers: to the requests to spawn, in order; the last one to all that follow.
    static func run(
        _ id: String = "drone-a", in cluster: TestCluster, answers: [Answer] = [.accept], state: DroneState = .ready,
        maxBackends: UInt32? = nil, listens: Bool = true, registers subjects: Subjects = .shared, abilities: DroneAbilities = DroneAbilities(),
        _ body: @escaping @Sendable (FakeDrone) async throws -> Void
    ) async throws {
        let drone = FakeDrone(.make(id), cluster, answers, subjects, abilities)
        try await withThrowingTaskGroup(of: Void.self) { group in
            if listens {
                let spawns = try cluster.bus.subscribe(
                    to: SpawnRequest.self, on: SpawnRequest.subject(cluster: TestCluster.name, drone: drone.id))
                group.addTask { await spawns.serve(maxConcurrent: 64) { await drone.answer($0) } }
            }
            let terminations = try cluster.bus.subscribe(to: TerminationRequest.self)
            group.addTask {
                await terminations.serve(maxConcurrent: 1) { request in
                    drone.terminations.withLock { $0.append(request.backendID) }
                    return .success(UnitReply())
                }
            }
            try await drone.appear(state, maxBackends: maxBackends)
            try await body(drone)
            group.cancelAll()
        }
    }

    /// Answers roll calls while `body` runs.
    func answeringRollCalls(_ body: @escaping @Sendable () async throws -> Void) async throws {
        let calls = try self.cluster.bus.subscribe(
            to: RollCallRequest.self, on: RollCallRequest.subject(cluster: TestCluster.name, drone: self.id))
        try await self.cluster.bus.connection.flush()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                await calls.serve(maxConcurrent: 1) { request in
                    let later = self.running.withLock { $0 }.filter { entry in
                        request.after.map { entry.backend.rawValue > $0.rawValue } ?? true
                    }.sorted { $0.backend.rawValue < $1.backend.rawValue }
                    // Half of them at a time, so that the parts are put together.
                    return .success(
                        RollCall(
                            metadata: DroneMetadata(ip: .v4(0x7F00_0001), version: "test", abilities: self.abilities),
                            backends: Array(later.prefix(max(1, later.count / 2))),
                            isComplete: later.count <= 1))
                }
            }
            try await body()
            group.cancelAll()
        }
    }

    /// Registers, sends one status, and waits until every scheduler knows of both.
    func appear(_ state: DroneState = .ready, maxBackends: UInt32? = nil) async throws {
        let registration = DroneConnectRequest(droneID: self.id, version: "test", cluster: TestCluster.name, ip: .v4(0x7F00_0001), abilities: self.abilities)
        switch self.subjects {
        case .own: _ = try await self.cluster.bus.request(DroneStatement(registration))
        case .shared: _ = try await self.cluster.bus.request(registration)
        }
        try await self.say(state, maxBackends: maxBackends)
    }

    func say(_ state: DroneState, maxBackends: UInt32? = nil) async throws {
        try self.beat(state, maxBackends: maxBackends)
        try await self.cluster.waitForState("drone \(self.id) is \(state)") { fleet in
            fleet.ask {
                let view = $0.drone(self.id, in: TestCluster.name)
                return view?.metadata != nil && view?.state == state
            }
        }
    }

    /// One status message.
    func beat(_ state: DroneState = .ready, running: UInt32 = 0, maxBackends: UInt32? = nil, starts: DroneStarts? = nil) throws {
        var status = DroneStatusMessage(
            droneID: self.id, cluster: TestCluster.name, droneVersion: "test", state: state, runningBackends: running, maxBackends: maxBackends)
        status.starts = starts
        try self.cluster.bus.publish(status)
    }

    /// What it was asked to spawn. A scheduler that has to wait for an answer asks again, and on a busy machine it may have to: what the drone
    /// has accepted, it accepts again, as an agent does, and it is not in here twice.
    var spawned: [SpawnRequest] { self.spawns.withLock { $0 } }
    var terminated: [BackendID] { self.terminations.withLock { $0 } }

    /// Gives all answers that were held back.
    func giveHeldAnswers() { self.wake(held: true) }

    private func answer(_ request: SpawnRequest) async -> Result<Bool, ErrorReply>? {
        if self.accepted.withLock({ $0.contains(request.backendID) }) { return .success(true) }
        self.spawns.withLock { $0.append(request) }
        let answer = self.answers.withLock { answers in
            answers.count > 1 ? answers.removeFirst() : answers[0]
        }
        self.wake(held: false)
        return await self.give(answer, to: request)
    }

    private func wake(held: Bool) {
        let signals = self.waiting.withLock { waiting in
            defer { waiting.removeAll { $0.isHeld == held } }
            return waiting.filter { $0.isHeld == held }.map(\.signal)
        }
        for signal in signals { signal.finish() }
    }

    private func wait(held: Bool) async {
        let (signals, signal) = AsyncStream.makeStream(of: Void.self)
        self.waiting.withLock { $0.append((held, signal)) }
        for await _ in signals {}
    }

    private func give(_ answer: Answer, to request: SpawnRequest) async -> Result<Bool, ErrorReply>? {
        switch answer {
        case .whenAskedAgain(let answer):
            await self.wait(held: false)
            return await self.give(answer, to: request)
        case .held(let answer):
            await self.wait(held: true)
            return await self.give(answer, to: request)
        case .accept:
            self.accepted.withLock { _ = $0.insert(request.backendID) }
            // As an agent reports at once that it has begun.
            try? self.cluster.bus.publish(
                UpdateBackendStateMessage(
                    cluster: request.cluster, state: .loading, backend: request.backendID, time: .now(), drone: self.id))
            return .success(true)
        case .refuse: return .success(false)
        case .error(let reply): return .failure(reply)
        case .silence: return nil
        }
    }
}
