import NATS
import NIOCore
import NIOPosix
import NetworkAddresses
import PlaneClient
import PlaneClientTestSupport
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneTestSupport
import Synchronization
import Testing

/// A drone without containers: takes what a scheduler gives it, and says of it what the test wants.
final class TestDrone: Sendable {
    /// How far a new backend gets by itself.
    enum Course: Sendable {
        case ready
        case loading
        /// It is not taken.
        case refused
    }

    let id: DroneID
    let cluster: ClusterName
    private let pool: PoolName
    /// How it says that visitors reach it.
    private let endpoint: PublicEndpoint
    private let client: PlaneClient
    private let state: Mutex<State>
    /// One after the other, as an agent tells them: the next when a scheduler has taken the one before.
    private let queued: AsyncStream<UpdateBackendStateMessage>
    private let reports: AsyncStream<UpdateBackendStateMessage>.Continuation

    private struct State {
        var course: Course
        var requests: [SpawnRequest] = []
        var terminations: [TerminationRequest] = []
        var drains: [Bool] = []
        /// What visitors have open.
        var connections: [OpenConnections.Entry] = []
        /// What it has accepted. A scheduler that has to wait for the answer asks again, and is told the same, as by an agent.
        var accepted: Set<BackendID> = []
        /// What it said of itself last.
        var said = DroneState.ready
    }

    init(
        _ client: PlaneClient, _ id: String, cluster: String = "plane.test", pool: String? = nil,
        endpoint: PublicEndpoint = PublicEndpoint(scheme: .http, port: 8080), course: Course = .ready
    ) throws {
        self.client = client
        self.pool = try pool.map { try #require(PoolName(rawValue: $0)) } ?? .unnamed
        self.endpoint = endpoint
        (self.queued, self.reports) = AsyncStream.makeStream(of: UpdateBackendStateMessage.self)
        self.id = try .make(id)
        self.cluster = try .make(cluster)
        self.state = Mutex(State(course: course))
    }

    /// The requests to spawn that it was sent.
    var requests: [SpawnRequest] { self.state.withLock { $0.requests } }
    var terminations: [TerminationRequest] { self.state.withLock { $0.terminations } }
    var drains: [Bool] { self.state.withLock { $0.drains } }

    func take(course: Course) { self.state.withLock { $0.course = course } }

    func open(_ connections: [OpenConnections.Entry]) { self.state.withLock { $0.connections = connections } }

    /// Serves until the task is cancelled.
    func run() async throws {
        let spawns = try self.client.bus.subscribe(to: SpawnRequest.self, on: SpawnRequest.subject(cluster: self.cluster, drone: self.id))
        let terminations = try self.client.bus.subscribe(to: TerminationRequest.self, on: TerminationRequest.subscription(cluster: self.cluster))
        let drains = try self.client.bus.subscribe(to: DrainDrone.self, on: DrainDrone.subject(cluster: self.cluster, drone: self.id))
        let connections = try self.client.bus.subscribe(
            to: OpenConnectionsRequest.self, on: OpenConnectionsRequest.subject(cluster: self.cluster, drone: self.id))
        try await self.client.bus.connection.flush()
        try await self.register()
        // As an agent does: who says nothing for half a minute is taken for lost.
        let signs = MultiThreadedEventLoopGroup.singleton.next().scheduleRepeatedTask(initialDelay: .seconds(5), delay: .seconds(5)) { _ in
            self.say(self.state.withLock { $0.said })
        }
        defer { signs.cancel() }
        await withDiscardingTaskGroup { group in
            group.addTask {
                for await report in self.queued {
                    while !Task.isCancelled, (try? await self.client.bus.request(DroneStatement(report), timeout: .seconds(2))) == nil {}
                }
            }
            group.addTask {
                await spawns.serveWithHeaders(maxConcurrent: 64) { request in
                    guard self.spawn(request) else {
                        return (false, [ErrorReply.headerName: ErrorReply(code: .full, message: "the drone is full").headerValue])
                    }
                    return (true, [SpawnRequest.readyInHeader: "120"])
                }
            }
            group.addTask {
                await terminations.serve(maxConcurrent: 8) { request in
                    self.state.withLock { $0.terminations.append(request) }
                    return .success(UnitReply())
                }
            }
            group.addTask {
                await connections.serve(maxConcurrent: 8) { _ in
                    .success(OpenConnections(backends: self.state.withLock { $0.connections }, isComplete: true))
                }
            }
            group.addTask {
                await drains.serve(maxConcurrent: 8) { request in
                    self.state.withLock { $0.drains.append(request.drain) }
                    self.say(request.drain ? .draining : .ready)
                    return .success(UnitReply())
                }
            }
        }
    }

    /// Registers again where the schedulers do not answer yet.
    private func register() async throws {
        var registration = DroneConnectRequest(droneID: self.id, version: "test", cluster: self.cluster, ip: .v4(0x7F00_0001))
        registration.endpoint = self.endpoint
        registration.abilities = DroneAbilities(pool: self.pool)
        let request = registration
        try await eventually("the drone is registered") { (try? await self.client.bus.request(DroneStatement(request), timeout: .seconds(2))) ?? false }
        self.say(.ready)
    }

    func say(_ state: DroneState) {
        self.state.withLock { $0.said = state }
        var status = DroneStatusMessage(droneID: self.id, cluster: self.cluster, droneVersion: "test", state: state, runningBackends: 0)
        status.pool = self.pool
        try? self.client.bus.publish(status)
    }

    /// - Returns: whether it takes the backend.
    private func spawn(_ request: SpawnRequest) -> Bool {
        let (course, isNew) = self.state.withLock { state in
            guard !state.accepted.contains(request.backendID) else { return (state.course, false) }
            state.requests.append(request)
            if state.course != .refused { state.accepted.insert(request.backendID) }
            return (state.course, true)
        }
        guard isNew else { return true }
        guard course != .refused else { return false }
        self.report(request.backendID, .loading)
        guard course == .ready else { return true }
        self.report(request.backendID, .starting)
        self.report(
            request.backendID, .ready, BackendStatusDetail(phases: SpawnPhases(accepted: 0, pulled: 1000, created: 20_000, started: 90_000, ready: 120_000)))
        return true
    }

    func report(_ backend: BackendID, _ state: BackendState, _ detail: BackendStatusDetail? = nil) {
        let update = UpdateBackendStateMessage(
            cluster: self.cluster, state: state, backend: backend, time: .now(), drone: self.id, detail: detail)
        self.reports.yield(update)
    }
}
