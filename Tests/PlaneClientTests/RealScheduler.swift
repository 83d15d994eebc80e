import NATS
import NetworkAddresses
import PlaneClient
import PlaneClientTestSupport
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneState
import PlaneTestSupport
import SchedulerCore
import SchedulerCoreConfiguration
import ServiceLifecycle
import Synchronization
import Testing

/// Runs `body` with a client, on a server with a real scheduler.
func withRealScheduler(
    _ configuration: SchedulerConfiguration = SchedulerConfiguration(), _ body: @escaping @Sendable (PlaneClient) async throws -> Void
) async throws {
    try await withNATSServer { server in
        let client = try await client(on: server)
        let bus = PlaneBus(connection: try await NATSConnection.connect(NATSOptions(servers: [server.url]), logger: silent), logger: silent)
        let group = ServiceGroup(services: [Scheduler(bus: bus, configuration: configuration, logger: silent)], logger: silent)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let lock = try #require(LockName(rawValue: "none"))
            let cluster = try ClusterName.make("plane.test")
            try await eventually("the scheduler serves") {
                do throws(PlaneError) {
                    _ = try await client.holder(of: lock, in: cluster, limit: .seconds(1))
                    return true
                } catch {
                    guard error.isRetryable else { throw error }
                    return false
                }
            }
            try await body(client)
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        await client.bus.connection.drain(timeout: .seconds(2))
    }
}

/// A drone that takes every backend, and says that it loads.
final class WillingDrone: Sendable {
    let id: DroneID
    private let client: PlaneClient
    private let asked = Mutex<[BackendID]>([])
    /// What the next requests to spawn are answered instead of being taken.
    private let refusals: Mutex<[ErrorReply]>
    private let answers: AsyncStream<Void>
    private let mayAnswer: AsyncStream<Void>.Continuation

    private init(_ client: PlaneClient, _ id: DroneID, _ refusals: [ErrorReply]) {
        self.refusals = Mutex(refusals)
        self.client = client
        self.id = id
        (self.answers, self.mayAnswer) = AsyncStream.makeStream(of: Void.self)
    }

    /// Runs `body` with a drone that a scheduler finds fit.
    /// - Parameter holdsAnswers: whether it answers only when the test says so.
    static func run(
        of client: PlaneClient, holdsAnswers: Bool = false, refusing refusals: [ErrorReply] = [],
        _ body: @escaping @Sendable (WillingDrone) async throws -> Void
    ) async throws {
        let drone = WillingDrone(client, try .make("drone-a"), refusals)
        if !holdsAnswers { drone.mayAnswer.finish() }
        let cluster = try ClusterName.make("plane.test")
        let spawns = try client.bus.subscribe(to: SpawnRequest.self, on: SpawnRequest.subject(cluster: cluster, drone: drone.id))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await spawns.serve(maxConcurrent: 64) { await drone.take($0) } }
            _ = try await client.bus.request(
                DroneStatement(DroneConnectRequest(droneID: drone.id, version: "test", cluster: cluster, ip: .v4(0x7F00_0001))))
            try client.bus.publish(
                DroneStatusMessage(droneID: drone.id, cluster: cluster, droneVersion: "test", state: .ready, runningBackends: 0))
            let mirror = StateMirror()
            group.addTask { await client.mirrorState(into: mirror) }
            try await eventually("the drone is ready") {
                mirror.ask { $0.drone(drone.id, in: cluster).map { $0.state == .ready && $0.metadata != nil } ?? false }
            }
            try await body(drone)
            group.cancelAll()
        }
    }

    /// The requests to spawn that it was sent.
    var requests: [BackendID] { self.asked.withLock { $0 } }

    func answer() { self.mayAnswer.finish() }

    private func take(_ request: SpawnRequest) async -> Result<Bool, ErrorReply>? {
        self.asked.withLock { $0.append(request.backendID) }
        if let refusal = self.refusals.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) { return .failure(refusal) }
        try? self.client.bus.publish(
            DroneStatement(
                UpdateBackendStateMessage(cluster: request.cluster, state: .loading, backend: request.backendID, time: .now(), drone: self.id)))
        for await _ in self.answers {}
        return .success(true)
    }
}
