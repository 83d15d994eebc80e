import DroneCoreConfiguration
import DroneStore
import Logging
import NATS
import NetworkAddresses
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneTestSupport
import ServiceLifecycle

@testable import DroneCore

/// An agent on a real NATS server and a real table, with an engine of the test's choice; and, if wanted, a scheduler that acknowledges
/// everything and writes it down.
struct AgentFixture {
    let server: NATSServer
    /// The test's own connection.
    let bus: PlaneBus
    let directory: TemporaryDirectory
    let store: DroneStore
    let engine: any Engine & EngineFeeds & EngineAccess
    /// What "containers" of an engine in memory answer with.
    let container: AnsweringServer
    let reports = Recorder<UpdateBackendStateMessage>()
    let registrations = Recorder<DroneConnectRequest>()
    let statuses = Recorder<DroneStatusMessage>()
    let logs = Recorder<BackendLogMessage>()
    let stats = Recorder<BackendStatsMessage>()

    static let logger: Logger = {
        var logger = Logger(label: "agent-test")
        logger.logLevel = .critical
        return logger
    }()

    /// - Parameter directory: Where a `drone.sqlite3` may be already; nil for a new one.
    init(engine: any Engine & EngineFeeds & EngineAccess = FakeEngine(), directory: TemporaryDirectory? = nil) async throws {
        self.server = try await NATSServer.start(jetStream: false)
        self.bus = try await Self.connect(to: self.server)
        self.directory = try directory ?? TemporaryDirectory()
        self.store = try await DroneStore.open(path: self.directory.file("drone.sqlite3"))
        self.engine = engine
        self.container = try await AnsweringServer.start(AnsweringServer.ok)
    }

    static func connect(to server: NATSServer) async throws -> PlaneBus {
        var options = NATSOptions(servers: [server.url])
        options.inboxPrefix = "test.inbox"
        return PlaneBus(connection: try await NATSConnection.connect(options, logger: Self.logger), logger: Self.logger)
    }

    /// Listens to what agents publish and answers what they ask, until `body` returns.
    ///
    /// - Parameter silent: Backends whose reports are written down and not answered.
    func withScheduler<Result>(silentAbout silent: Set<BackendID> = [], _ body: () async throws -> Result) async throws -> Result {
        let registrations = try self.bus.subscribe(to: DroneConnectRequest.self)
        let reports = try self.bus.subscribe(to: UpdateBackendStateMessage.self)
        let statuses = try self.bus.subscribe(to: DroneStatusMessage.self)
        let logs = try self.bus.subscribe(to: BackendLogMessage.self)
        let stats = try self.bus.subscribe(to: BackendStatsMessage.self)
        try await self.bus.connection.flush()
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                await registrations.serve(maxConcurrent: 1) { request in
                    self.registrations.record(request)
                    return .success(true)
                }
            }
            group.addTask {
                await reports.serve(maxConcurrent: 8) { report in
                    self.reports.record(report)
                    return silent.contains(report.backend) ? nil : .success(UnitReply())
                }
            }
            group.addTask { await statuses.forEach { self.statuses.record($0) } }
            group.addTask { await logs.forEach { self.logs.record($0) } }
            group.addTask { await stats.forEach { self.stats.record($0) } }
            defer { group.cancelAll() }
            return try await body()
        }
    }

    /// Runs an agent until `body` returns, and then shuts it down gracefully.
    ///
    /// - Parameter bus: The agent's own; nil for a connection to the fixture's server.
    func withAgent(
        _ drone: DroneID = .make(), bus: PlaneBus? = nil, logger: Logger = Self.logger, allowsExec: Bool = true,
        change: (inout DroneAgent.Options) -> Void = { _ in },
        _ body: () async throws -> Void
    ) async throws {
        var settings = DroneAgent.Options(drone: drone, cluster: .make(), address: .literal(.v4(0x7F00_0001)))
        change(&settings)
        let own: PlaneBus
        if let bus { own = bus } else { own = try await Self.connect(to: self.server) }
        let agent = try await DroneAgent(
            settings, store: self.store, engine: self.engine, feeds: self.engine, access: allowsExec ? self.engine : nil, bus: own, logger: logger)
        let services = ServiceGroup(services: [agent], logger: Self.logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await services.run() }
            do {
                try await body()
            } catch {
                await services.triggerGracefulShutdown()
                throw error
            }
            await services.triggerGracefulShutdown()
            try await group.waitForAll()
        }
    }

    /// A request for a backend whose port answers.
    func request(_ id: BackendID = .make(), idle: WireSeconds = 300) -> SpawnRequest {
        var request = SpawnRequest.make(id, idle: idle)
        request.executable.port = self.container.address.port
        return request
    }

    /// Asks the drone to run a backend, once it listens.
    func spawn(_ request: SpawnRequest) async throws -> Bool {
        var answer = false
        try await eventually("the drone listens") {
            do throws(BusRequestError) {
                answer = try await self.bus.request(request, timeout: .seconds(30))
                return true
            } catch {
                guard error.isRefusal else { throw error }
                return false
            }
        }
        return answer
    }

    /// Asks the drone to run a backend, once it listens; why it does not, and nil if it does.
    func refusal(_ request: SpawnRequest) async throws -> ErrorReply? {
        guard try await !self.spawn(request) else { return nil }
        let (reply, reason) = try await self.bus.requestWithReason(request)
        guard !reply, let reason else { throw UnexplainedRefusal() }
        return reason
    }

    struct UnexplainedRefusal: Error {}

    func states(of id: BackendID) -> [BackendState] { self.reports.all.filter { $0.backend == id }.map(\.state) }

    func wait(for state: BackendState, of id: BackendID, within limit: Duration = .seconds(60)) async throws {
        try await eventually("\(id) is reported as \(state)", within: limit) { self.states(of: id).contains(state) }
    }
}
