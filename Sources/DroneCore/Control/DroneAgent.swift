package import DroneCoreConfiguration
package import DroneStore
package import Logging
import LogKeys
import NATS
package import PlaneMessaging
package import PlaneProtocol
import PlaneService
import ServiceLifecycle

/// The agent: everything that runs on a drone for its backends, started and ended together.
///
/// ```
///   spawn, terminate, drain ──► handlers ──► registry ──► supervisors ──► engine
///   engine's events ──► exit watch ──hints──┘             │
///   reconciler ─────────────────────────────┘             ▼
///   registration, status, logs, statistics          table + outbox ──► dispatcher ──► schedulers
/// ```
///
/// It needs NATS for requests and reports only. Without it, from the start or later, backends that run are supervised, ended when they are idle,
/// and their containers removed; reports wait in the outbox.
///
/// On graceful shutdown it takes no more requests, leaves the containers as they are, and tries for a moment to deliver what is in the
/// outbox; the next agent goes on from the table.
package struct DroneAgent: Service {
    package struct Options: Sendable {
        package var drone: DroneID
        package var cluster: ClusterName
        package var address: OwnAddress
        package var endpoint = PublicEndpoint()
        package var maxBackends: UInt32?
        package var allowsVolumeMounts = false
        package var images = ImageAllowance.all
        package var pool = PoolName.unnamed
        /// The port at which this drone's proxy accepts requests from the tier; nil if it accepts none.
        package var innerPort: UInt16?
        /// Networks that a request may choose.
        package var networks: Set<String> = []
        /// Whether requests may ask for directories that outlive their backends.
        package var hasMountBase = false
        package var limits = BackendLimits()
        /// Whether logs and statistics are published on the subjects of 0.3, which do not name the drone.
        package var servesLegacyReaders = true
        /// Whether containers are cut off from this machine; nil where that is not configured, or not known yet.
        package var isIsolated: @Sendable () -> Bool? = { nil }
        /// Asks the container engine whether it is there, within seconds; nil where nobody can.
        package var asksEngine: (@Sendable () async -> OpenConnections.EngineAnswer)?
        /// The names of the images that the engine has, and of which no registry has to be asked; nil where nobody can say.
        package var listsImages: (@Sendable () async throws(BackendEngineError) -> [DroneStarts.Image])?
        /// The engine's, where starts find a network ready; the agent keeps it full.
        package var sandboxes: SandboxPool?
        /// The engine's, where starts find a container that runs; the agent keeps it full.
        package var parked: ParkedPool?
        /// Whether a backend that is asked for now would find one.
        package var hasParked: @Sendable (SpawnRequest) -> Bool = { _ in false }
        /// Does nothing but in tests of failures.
        package var pass: @Sendable (FaultPoint) -> Void = { _ in }

        package init(drone: DroneID, cluster: ClusterName, address: OwnAddress) {
            self.drone = drone
            self.cluster = cluster
            self.address = address
        }

        /// What this agent reports about itself that older agents do not know.
        var abilities: DroneAbilities { DroneAbilities(pool: self.pool, innerPort: self.innerPort) }
    }

    /// Spawn requests handled at the same time; each is one write to SQLite.
    private static let maxConcurrentSpawns = 64
    /// Of operators about what is open; one that asks the engine as well may take seconds, and must not keep the others.
    private static let maxConcurrentQuestions = 4
    /// A termination is answered after a write too, but may wait for others of its backend.
    private static let maxConcurrentTerminations = 256
    /// How long an agent that ends tries to deliver the reports in its outbox. The next agent delivers the rest.
    private static let closingLimit = Duration.seconds(2)

    private let settings: Options
    private let context: BackendContext
    private let bus: PlaneBus
    private let condition: DroneCondition
    private let registry: BackendRegistry
    private let messenger: DroneMessenger
    private let dispatcher: OutboxDispatcher
    private let execs: ExecSessions
    private let starts: StartsReporter
    private let logger: Logger

    /// Reads from the table what the drone has stored about itself.
    /// - Parameter access: nil refuses operators everything that they could do in containers.
    package init(
        _ settings: Options, store: DroneStore, engine: any Engine, feeds: any EngineFeeds, access: (any EngineAccess)? = nil, bus: PlaneBus,
        logger: Logger
    ) async throws(StoreError) {
        let messenger = DroneMessenger(drone: settings.drone, bus: bus, logger: logger)
        let dispatcher = OutboxDispatcher(store: store, messenger: messenger, time: AgentTime(), logger: logger)
        let condition = DroneCondition(isDraining: try await store.isDraining())
        settings.sandboxes?.set(draining: condition.isDraining)
        settings.parked?.set(draining: condition.isDraining)
        let prober = ReadinessProber()
        var context = BackendContext(
            drone: settings.drone, cluster: settings.cluster, store: store, engine: engine, feeds: feeds,
            probe: { await prober.waitForAnswer(from: $0, $1, limit: $2) },
            publishLog: {
                let own = settings.servesLegacyReaders ? nil : $0.ownSubject(drone: settings.drone, cluster: settings.cluster)
                Self.publish($0, to: own, on: bus, logger: logger)
            },
            reportQueued: {
                dispatcher.notify()
                condition.backendsChanged()
            }, logger: logger)
        context.limits = settings.limits
        context.pass = settings.pass
        let starts = StartsReporter(
            context.estimates, parked: settings.parked, sandboxes: settings.sandboxes, listsImages: settings.listsImages, time: context.time, logger: logger)
        context.pulls = PullCoalescer { starts.imagesChanged() }
        self.starts = starts
        self.settings = settings
        self.context = context
        self.bus = bus
        self.condition = condition
        self.registry = BackendRegistry(context: context)
        self.messenger = messenger
        self.dispatcher = dispatcher
        self.execs = ExecSessions(settings, store: store, access: access, freezeWatch: context.freezeWatch, time: context.time, logger: logger)
        self.logger = logger
    }

    package func run() async throws {
        // Subscribes before the drone registers, so that a request sent right after the registration is received.
        let (drone, cluster) = (self.settings.drone, self.settings.cluster)
        let spawns = try self.bus.subscribe(to: SpawnRequest.self, on: SpawnRequest.subject(cluster: cluster, drone: drone))
        let terminations = try self.bus.subscribe(to: TerminationRequest.self, on: TerminationRequest.subscription(cluster: cluster))
        let drains = try self.bus.subscribe(to: DrainDrone.self, on: DrainDrone.subject(cluster: cluster, drone: drone))
        let rollCalls = try self.bus.subscribe(to: RollCallRequest.self, on: RollCallRequest.subject(cluster: cluster, drone: drone))
        let connections = try self.bus.subscribe(
            to: OpenConnectionsRequest.self, on: OpenConnectionsRequest.subject(cluster: cluster, drone: drone))
        let execs = try ExecSubscriptions(self.bus, cluster: cluster, drone: drone)
        try await self.registry.resume()

        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.dispatcher.run() }
            await cancelWhenGracefulShutdown {
                await withDiscardingTaskGroup { loops in
                    loops.addTask { await self.registry.run() }
                    self.addLoops(to: &loops)
                    loops.addTask { await self.serve(spawns) }
                    loops.addTask { await self.serve(terminations) }
                    loops.addTask { await self.serve(drains) }
                    loops.addTask { await self.serve(rollCalls) }
                    loops.addTask { await self.serve(connections) }
                    loops.addTask { await self.execs.run() }
                    loops.addTask { await execs.serve(self.execs) }
                }
            }
            await self.cursorKeeper.write()
            // Reports that have been sent get some time to be acknowledged; otherwise the next agent would send them again.
            self.dispatcher.close()
            group.addTask { try? await self.context.time.sleep(Self.closingLimit) }
            await group.next()
            group.cancelAll()
        }
    }

    private var cursorKeeper: LogCursorWriter {
        LogCursorWriter(self.context.output.cursors, store: self.context.store, time: self.context.time, logger: self.logger)
    }

    private func addLoops(to group: inout DiscardingTaskGroup) {
        let (context, registry, logger) = (self.context, self.registry, self.logger)
        let reconciler = Reconciler(
            drone: context.reports.drone, engine: context.engine, store: context.store, registry: registry, sandboxes: self.settings.sandboxes,
            parked: self.settings.parked, time: context.time, logger: logger)
        let exits = ExitWatch(
            feeds: context.output.feeds, registry: registry, reconciler: reconciler, sandboxes: self.settings.sandboxes, parked: self.settings.parked,
            time: context.time, logger: logger)
        let usage = UsageReporter(
            drone: context.reports.drone, cluster: context.reports.cluster, feeds: context.output.feeds, registry: registry, time: context.time, logger: logger
        ) { Self.publish($0, to: self.settings.servesLegacyReaders ? nil : $0.ownSubject, on: self.bus, logger: logger) }
        let host = HostReporter(drone: context.reports.drone, cluster: context.reports.cluster, time: context.time, logger: logger) {
            Self.publish($0, on: self.bus, logger: logger)
        }
        group.addTask { await reconciler.run() }
        group.addTask { await context.freezeWatch.run(context.time) }
        group.addTask { await exits.run() }
        group.addTask { await self.cursorKeeper.run() }
        group.addTask { await usage.run() }
        group.addTask { await host.run() }
        group.addTask { await self.starts.run() }
        group.addTask { await self.register() }
        if let pool = self.settings.sandboxes {
            let adoption = SandboxAdoption(drone: context.reports.drone, engine: context.engine, store: context.store)
            group.addTask { await pool.run { try await adoption.candidates() } }
        }
        if let pool = self.settings.parked {
            let adoption = ParkedAdoption(drone: context.reports.drone, engine: context.engine, store: context.store)
            let (condition, most) = (self.condition, self.settings.maxBackends.map { Int($0) })
            group.addTask {
                await pool.run(room: { most.map { $0 - (condition.liveBackends ?? 0) } }) { try await adoption.candidates() }
            }
        }
    }

    /// Registers the drone, and repeats that from time to time. Status messages begin when a scheduler has acknowledged the first registration.
    private func register() async {
        let registration = Registration(
            drone: self.settings.drone, cluster: self.settings.cluster, address: self.settings.address, endpoint: self.settings.endpoint,
            abilities: self.settings.abilities, bus: self.bus, messenger: self.messenger, time: self.context.time, logger: self.logger)
        let beat = HeartbeatReporter(
            drone: self.settings.drone, cluster: self.settings.cluster, maxBackends: self.settings.maxBackends,
            pool: self.settings.pool, condition: self.condition, isIsolated: self.settings.isIsolated, starts: self.starts, store: self.context.store,
            bus: self.bus, time: self.context.time, logger: self.logger)
        await withDiscardingTaskGroup { group in
            let (registered, isRegistered) = AsyncStream.makeStream(of: Void.self)
            group.addTask {
                await registration.run {
                    self.condition.set(address: $0)
                    isRegistered.finish()
                }
            }
            group.addTask {
                for await _ in registered {}
                await beat.run()
            }
        }
    }

    /// Publishes logs and statistics, which are not repeated. What is lost while NATS is away can be read from Docker.
    ///
    /// - Parameter own: a subject that names this drone, used instead of the message's own.
    private static func publish(_ message: some PlaneMessage, to own: String? = nil, on bus: PlaneBus, logger: Logger) {
        let subject = own ?? message.subject
        do throws(NATSError) {
            try bus.connection.publish(WireCodec.encode(message), to: subject)
        } catch {
            logger.debug("not published", metadata: [LogKey.subject: "\(subject)", LogKey.error: "\(error)"])
        }
    }
}

// MARK: - Requests

extension DroneAgent {
    private func serve(_ requests: MessageSubscription<SpawnRequest>) async {
        var handler = SpawnHandler(
            cluster: self.settings.cluster, drone: self.settings.drone, maxBackends: self.settings.maxBackends.map { Int($0) },
            allowsVolumeMounts: self.settings.allowsVolumeMounts, images: self.settings.images, condition: self.condition,
            registry: self.registry, logger: self.logger)
        handler.networks = self.settings.networks
        handler.hasMountBase = self.settings.hasMountBase
        let starts = self.starts
        await requests.serveWithHeaders(maxConcurrent: Self.maxConcurrentSpawns) { [handler] request in
            // Asked before, because what is ready now is gone once the backend has it.
            let estimate = starts.estimate(of: request.executable.image, by: self.expectedStart(of: request))
            if let refusal = await handler.handle(request) { return (false, [ErrorReply.headerName: refusal.headerValue]) }
            return (true, estimate.map { [SpawnRequest.readyInHeader: String($0.startMilliseconds)] } ?? .empty)
        }
    }

    /// How a backend would be started that came now.
    private func expectedStart(of request: SpawnRequest) -> BackendStartKind {
        if self.settings.hasParked(request) { return .parked }
        guard request.executable.network == nil, let sandboxes = self.settings.sandboxes else { return .cold }
        return sandboxes.free.isEmpty ? .cold : .sandbox
    }

    private func serve(_ requests: MessageSubscription<TerminationRequest>) async {
        let handler = TerminationHandler(registry: self.registry, store: self.context.store, logger: self.logger)
        await requests.serve(maxConcurrent: Self.maxConcurrentTerminations) { await handler.handle($0) ? .success(UnitReply()) : nil }
    }

    private func serve(_ requests: MessageSubscription<RollCallRequest>) async {
        let handler = InventoryHandler(
            condition: self.condition, endpoint: self.settings.endpoint, abilities: self.settings.abilities, store: self.context.store, logger: self.logger)
        await requests.serve(maxConcurrent: 1) { await handler.handle($0) }
    }

    private func serve(_ requests: MessageSubscription<OpenConnectionsRequest>) async {
        let (store, now, starts) = (self.context.store, self.context.time.now, self.starts)
        await requests.serve(maxConcurrent: Self.maxConcurrentQuestions) { request in
            let limit = OpenConnections.entriesAtOnce
            do throws(StoreError) {
                let entries = try store.openConnections(after: request.after, limit: limit + 1, at: now().seconds)
                var answer = OpenConnections(backends: Array(entries.prefix(limit)), isComplete: entries.count <= limit)
                if request.asksEngine {
                    answer.engine = await self.settings.asksEngine?()
                    answer.time = now()
                }
                if !request.images.isEmpty { answer.missingImages = await starts.missing(among: request.images) }
                return .success(answer)
            } catch {
                self.logger.error("nobody could be told what is open", metadata: [LogKey.error: "\(error)"])
                return .failure(ErrorReply(code: .unavailable, message: "the table of open connections could not be read"))
            }
        }
    }

    /// Answers once the request to drain is stored, so that it is still known after a restart of the agent.
    private func serve(_ requests: MessageSubscription<DrainDrone>) async {
        await requests.serve(maxConcurrent: 1) { request in
            do throws(StoreError) {
                try await self.context.store.setDraining(request.drain)
            } catch {
                self.logger.error("the drain setting was not stored", metadata: [LogKey.error: "\(error)"])
                return .failure(ErrorReply(code: .unavailable, message: "the drain setting was not stored"))
            }
            self.condition.set(draining: request.drain)
            self.settings.sandboxes?.set(draining: request.drain)
            self.settings.parked?.set(draining: request.drain)
            self.logger.notice("drain setting changed", metadata: [LogKey.state: "\(self.condition.state)"])
            return .success(UnitReply())
        }
    }
}
