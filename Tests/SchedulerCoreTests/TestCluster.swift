import Logging
import NATS
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneTestSupport
import SchedulerCore
import SchedulerCoreConfiguration
import ServiceLifecycle

/// A nats-server and schedulers on it, each with a connection of its own as if they were processes.
struct TestCluster: Sendable {
    static let name = ClusterName(rawValue: "plane.test")!

    let server: NATSServer
    /// Of the clients and fake drones.
    let bus: PlaneBus
    let fleets: [StateStore]
    let schedulers: ServiceGroup

    /// Shorter than those of production, since some tests wait for them to pass, and long enough for an answer on a busy machine.
    static func limits() -> ScheduleLimits {
        var limits = ScheduleLimits()
        limits.spawnAnswer = .milliseconds(1500)
        limits.lockWait = .seconds(3)
        return limits
    }

    static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    static func bus(_ server: NATSServer, logger: Logger = TestCluster.silent) async throws -> PlaneBus {
        try await self.bus([server.url], logger: logger)
    }

    static func bus(_ urls: [String], logger: Logger = TestCluster.silent) async throws -> PlaneBus {
        PlaneBus(connection: try await NATSConnection.connect(NATSOptions(servers: urls), logger: logger), logger: logger)
    }

    /// Runs `body` with schedulers that serve, and ends them in order.
    static func run(
        schedulers: Int = 1, limits: ScheduleLimits = TestCluster.limits(), configuration: SchedulerConfiguration = .init(),
        logger: Logger = TestCluster.silent, _ body: @escaping @Sendable (TestCluster) async throws -> Void
    ) async throws {
        try await withNATSServer { server in
            try await self.run(on: [server], schedulers: schedulers, limits: limits, configuration: configuration, logger: logger, body)
        }
    }

    /// The same on servers that run already, which form a cluster if there are several.
    static func run(
        on servers: [NATSServer], schedulers: Int = 1, limits: ScheduleLimits = TestCluster.limits(), configuration: SchedulerConfiguration = .init(),
        logger: Logger = TestCluster.silent, _ body: @escaping @Sendable (TestCluster) async throws -> Void
    ) async throws {
        let urls = servers.map(\.url)
        let bus = try await self.bus(urls)
        let fleets = (0..<schedulers).map { _ in StateStore() }
        var services: [any Service] = []
        for fleet in fleets {
            services.append(
                Scheduler(
                    bus: try await self.bus(urls, logger: logger), configuration: configuration, fleet: fleet, limits: limits,
                    logger: logger))
        }
        let group = ServiceGroup(services: services, logger: bus.logger)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            for fleet in fleets { await fleet.waitUntilCaughtUp() }
            let cluster = TestCluster(server: servers[0], bus: bus, fleets: fleets, schedulers: group)
            try await cluster.waitUntilServed()
            try await body(cluster)
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    var fleet: StateStore { self.fleets[0] }

    /// The subscriptions of all schedulers are there once requests are answered.
    private func waitUntilServed() async throws {
        try await eventually("schedulers serve") {
            (try? await self.bus.request(FetchBackendForLock(cluster: Self.name, lock: .make("none")), timeout: .seconds(5))) != nil
        }
    }

    // MARK: Clients

    func schedule(_ request: ScheduleRequest = .make()) async throws -> ScheduleReply {
        try await self.bus.request(request)
    }

    func spawned(_ request: ScheduleRequest = .make()) async throws -> ScheduledBackend {
        let reply = try await self.schedule(request)
        guard case .scheduled(let backend) = reply else { throw Unexpected(reply: reply) }
        return backend
    }

    /// Asks again as applications do where the reply says to: many requests at once on a machine that is busy may wait longer for a lock than one
    /// request may.
    func spawnedInTheEnd(_ request: ScheduleRequest) async throws -> ScheduledBackend {
        for _ in 0..<5 {
            let reply = try await self.schedule(request)
            switch reply {
            case .scheduled(let backend): return backend
            case .error(let error) where error.code == .lockBusy || error.code == .unavailable: continue
            default: throw Unexpected(reply: reply)
            }
        }
        return try await self.spawned(request)
    }

    struct Unexpected: Error { let reply: ScheduleReply }

    func report(
        _ state: BackendState, _ backend: BackendID, drone: DroneID = .make(), detail: BackendStatusDetail? = nil
    ) async throws {
        _ = try await self.bus.request(
            UpdateBackendStateMessage(cluster: Self.name, state: state, backend: backend, time: .now(), drone: drone, detail: detail))
    }

    /// What the stream holds, by subject.
    func stream(_ name: String = SchedulerStreams.planeState, filter: String? = nil) async throws -> [StreamMessage] {
        let consumer = try await self.bus.connection.jetStream.orderedConsumer(stream: name, filter: filter, from: .first)
        var messages: [StreamMessage] = []
        guard consumer.initialPending > 0 else { return [] }
        for await message in consumer {
            messages.append(message)
            if message.pending == 0 { break }
        }
        return messages
    }

    /// Returns when this cluster's fleet fulfils the condition.
    func waitForState(_ fact: String, _ holds: @escaping @Sendable (StateStore) -> Bool) async throws {
        try await eventually(fact) { self.fleets.allSatisfy(holds) }
    }
}
