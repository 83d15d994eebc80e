package import Logging
import LogKeys
import NATS
package import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneState
package import SchedulerCoreConfiguration
import ServiceLifecycle
import StateReplication

/// The scheduler: all its subscriptions and periodic tasks, which share one state of the fleet.
///
/// Any number of schedulers may run. Each request, report and registration is taken by one of them through a queue group; status messages of drones are heard
/// by all.
package struct Scheduler: Service {
    /// Name of the queue group in which schedulers share requests.
    private static let queue = "scheduler"
    /// Requests handled at the same time. Each costs a few kilobytes, and spends its time waiting for a drone or the stream.
    private static let maxConcurrent = 4096

    /// Time after a new stream was made in which the drones are asked what they run; requests with a lock wait meanwhile. A drone publishes
    /// its status every 4 s and is asked then. It is no longer than a request waits for a lock, so such requests are served in the first
    /// seconds of a new installation too, whose stream looks like one that was lost.
    package static let rebuildTime: Duration = .seconds(6)

    private let bus: PlaneBus
    private let fleet: StateStore
    private let writer: StateWriter
    private let configuration: SchedulerConfiguration
    private let streams: StreamMaintainer
    private let limits: ScheduleLimits
    private let logger: Logger
    private let metrics = SchedulerMetrics()
    private let lateRefusals = LateRefusalHandler()

    package init(
        bus: PlaneBus, configuration: SchedulerConfiguration = SchedulerConfiguration(),
        fleet: StateStore = StateStore(rebuildTime: Scheduler.rebuildTime),
        limits: ScheduleLimits = ScheduleLimits(), logger: Logger
    ) {
        self.bus = bus
        self.configuration = configuration
        self.streams = StreamMaintainer(jetStream: bus.connection.jetStream, configuration: configuration, metrics: self.metrics, logger: logger)
        self.fleet = fleet
        self.writer = StateWriter(jetStream: bus.connection.jetStream)
        self.limits = limits
        self.logger = logger
    }

    /// Takes requests only after the whole state of the fleet has been read. On shutdown it answers the requests it has begun, and follows
    /// the stream until then.
    package func run() async throws {
        do {
            try await cancelWhenGracefulShutdown {
                try await self.streams.ensure()
            }
        } catch is CancellationError where Task.isShuttingDownGracefully {
            return
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await StateFollower(jetStream: self.bus.connection.jetStream, fleet: self.fleet, logger: self.logger).run() }
            group.addTask {
                await Heartbeat(
                    connection: self.bus.connection, fleet: self.fleet, writer: self.writer, streams: self.streams, metrics: self.metrics, logger: self.logger
                ).run()
            }
            group.addTask { await self.streams.run() }
            group.addTask {
                var sweep = ConsumerSweep(bus: self.bus, configuration: self.configuration, logger: self.logger)
                await sweep.run()
            }
            group.addTask { await self.lateRefusals.run(fleet: self.fleet, writer: self.writer, logger: self.logger) }
            group.addTask {
                await Housekeeper(
                    bus: self.bus, fleet: self.fleet, writer: self.writer, configuration: self.configuration, metrics: self.metrics,
                    logger: self.logger
                ).run()
            }
            try await self.serve()
            group.cancelAll()
        }
    }

    private func serve() async throws {
        let drones = DroneMonitor(
            bus: self.bus, fleet: self.fleet, writer: self.writer, configuration: self.configuration, logger: self.logger)
        let backends = BackendMonitor(
            bus: self.bus, fleet: self.fleet, writer: self.writer, configuration: self.configuration, logger: self.logger)
        let challenges = ChallengeMonitor(fleet: self.fleet, writer: self.writer, logger: self.logger)
        let registrations = try self.bus.subscribe(to: DroneStatement<DroneConnectRequest>.self, queue: Self.queue)
        let sharedRegistrations = try self.bus.subscribe(to: DroneConnectRequest.self, queue: Self.queue)
        let signsOfLife = try self.bus.subscribe(to: DroneStatusMessage.self)
        let statuses = try self.bus.subscribe(to: DroneStatusMessage.self, queue: Self.queue)
        let reports = try self.bus.subscribe(to: DroneStatement<UpdateBackendStateMessage>.self, queue: Self.queue)
        let sharedReports = try self.bus.subscribe(to: UpdateBackendStateMessage.self, queue: Self.queue)
        let values = try self.bus.subscribe(to: SetAcmeDNSRecord.self, queue: Self.queue)

        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await registrations.serve(maxConcurrent: Self.maxConcurrent) { await drones.register($0.content) } }
            group.addTask { await sharedRegistrations.serve(maxConcurrent: Self.maxConcurrent) { await drones.registerShared($0) } }
            group.addTask { await signsOfLife.forEach { drones.hear($0) } }
            group.addTask { await statuses.forEach(maxConcurrent: Self.maxConcurrent) { await drones.record($0) } }
            group.addTask { await reports.serve(maxConcurrent: Self.maxConcurrent) { await backends.report($0) } }
            group.addTask { await sharedReports.serve(maxConcurrent: Self.maxConcurrent) { await backends.reportShared($0) } }
            group.addTask { await values.serve(maxConcurrent: Self.maxConcurrent) { await challenges.store($0) } }
            try await self.serveRequests()
            try await group.waitForAll()
        }
    }

    private func serveRequests() async throws {
        guard await self.catchUp() else { return }
        let tokenStore = BearerTokenStore(jetStream: self.bus.connection.jetStream, configuration: self.configuration)
        let schedule = ScheduleHandler(
            bus: self.bus, fleet: self.fleet, writer: self.writer, tokenStore: tokenStore, limits: self.limits, metrics: self.metrics,
            lateRefusals: self.lateRefusals, logger: self.logger)
        let fetch = FetchHandler(fleet: self.fleet, limits: self.limits, tokenStore: tokenStore)
        let schedules = try self.bus.subscribe(to: ScheduleRequest.self, queue: Self.queue)
        let fetches = try self.bus.subscribe(to: FetchBackendForLock.self, queue: Self.queue)
        // The server has the subscriptions before the log says that this scheduler is ready.
        try await self.bus.connection.flush()
        self.logger.info("scheduler is ready", metadata: [LogKey.sequence: "\(self.fleet.ask { $0.sequence })"])
        await withDiscardingTaskGroup { group in
            group.addTask { await schedules.serveWithReasons(maxConcurrent: Self.maxConcurrent) { await schedule.handle($0) } }
            group.addTask { await fetches.serve(maxConcurrent: Self.maxConcurrent) { .success(await fetch.handle($0)) } }
        }
    }

    /// - Returns: false if the process is to end before the state has been read.
    private func catchUp() async -> Bool {
        await cancelWhenGracefulShutdown { await self.fleet.waitUntilCaughtUp() }
        return self.fleet.isCaughtUp && !Task.isShuttingDownGracefully
    }
}
