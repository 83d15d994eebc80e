package import Logging
import NATS
package import PlaneMessaging
package import PlaneProtocol
import PlaneService
import PlaneState
package import SchedulerCoreConfiguration

/// Takes what agents report of their backends: first into the shared memory, then into the public feed, and only then says so. An agent
/// repeats a report until it is answered, so the two cannot differ for long.
///
/// A drone is believed about the backends that are assigned to it, and about no others.
package struct BackendMonitor: Sendable {
    private let bus: PlaneBus
    private let world: LiveWorld
    private let writer: WorldWriter
    private let configuration: SchedulerConfiguration
    private let logger: Logger
    private let waiting = WaitingReports()

    /// A drone may report before the assignment, which is written while the drone is asked, has come back to this scheduler.
    private static let assignmentLimit: Duration = .seconds(2)

    package init(bus: PlaneBus, world: LiveWorld, writer: WorldWriter, configuration: SchedulerConfiguration, logger: Logger) {
        self.bus = bus
        self.world = world
        self.writer = writer
        self.configuration = configuration
        self.logger = logger
    }

    /// On a subject that does not name the drone: of older agents, which cannot be told apart, and of operators who write a backend off.
    package func reportShared(_ update: UpdateBackendStateMessage) async -> Result<UnitReply, ErrorReply> {
        guard self.configuration.acceptsLegacyPeers || update.state == .lost else {
            self.logger.warning(
                "report on the shared subject is refused",
                metadata: Self.metadata(update).merging([LogKey.hint: "\(ErrorReply.isShared.message)"]) { $1 })
            return .failure(.isShared)
        }
        return await self.report(update)
    }

    /// On the drone's own subject.
    package func report(_ statement: DroneStatement<UpdateBackendStateMessage>) async -> Result<UnitReply, ErrorReply> {
        let update = statement.content
        if await self.isAssigned(update) { return await self.report(update) }
        if self.isForgotten(update) { return .success(UnitReply()) }
        self.logger.warning("drone speaks of a backend that is not assigned to it", metadata: Self.metadata(update))
        return .failure(.isNotAssigned)
    }

    private func isAssigned(_ update: UpdateBackendStateMessage) async -> Bool {
        if self.world.ask({ $0.drone(of: update.backend, in: update.cluster) }) == update.drone { return true }
        guard self.waiting.enter(update.drone) else { return false }
        defer { self.waiting.leave(update.drone) }
        return await self.world.waitUntil(
            update.backend, in: update.cluster, isAssignedTo: update.drone, within: Self.assignmentLimit)
    }

    /// Whether the report comes so late that its backend has been purged from the world: nobody needs it any more, and the agent should not
    /// repeat it for ever.
    private func isForgotten(_ update: UpdateBackendStateMessage) -> Bool {
        let age = Duration.seconds(WireTime.now().seconds - update.time.seconds)
        guard update.state.isTerminal, age > self.configuration.endedRetention else { return false }
        return self.world.ask { $0.backend(update.backend, in: update.cluster) } == nil
    }

    private func report(_ update: UpdateBackendStateMessage) async -> Result<UnitReply, ErrorReply> {
        if await self.isOver(update) { return .success(UnitReply()) }
        do throws(NATSError) {
            let change = BackendMessage(backend: update.backend, change: .state(update.state, at: .now()))
            try await self.writer.writeOnce(.cluster(update.cluster, .backend(change)))
            if let ending = update.detail?.ending, !update.state.isTerminal {
                try await self.writer.writeOnce(.cluster(update.cluster, .backend(BackendMessage(backend: update.backend, change: .ending(ending)))))
            }
            try await self.publish(BackendStateMessage(update))
        } catch {
            self.logger.error(
                "backend's state cannot be written", metadata: Self.metadata(update).merging([LogKey.error: "\(error)"]) { $1 })
            return .failure(.cannotWrite(error))
        }
        self.logger.info(
            update.detail?.ending == nil ? "backend changed its state" : "backend is being ended", metadata: Self.metadata(update))
        return .success(UnitReply())
    }

    /// Whether the report says that a backend lives which has ended. Agents report in order, so this one was written off while its drone
    /// was away, or given up by the scheduler that placed it. Writing it down would bring it back to life for older readers.
    private func isOver(_ update: UpdateBackendStateMessage) async -> Bool {
        guard !update.state.isTerminal else { return false }
        let known = self.world.ask { $0.backend(update.backend, in: update.cluster)?.state }
        guard let known, known.isTerminal else { return false }
        guard update.detail?.ending == nil else { return true }  // it is stopping already
        self.logger.warning("backend lives on after its end, and is told to stop", metadata: Self.metadata(update))
        await Termination.request(update.backend, in: update.cluster, bus: self.bus, logger: self.logger)
        return true
    }

    /// A report that is repeated because its answer was lost does not show twice: the server drops what it knows by this header, for the
    /// length of the stream's window (2 min).
    private func publish(_ message: BackendStateMessage) async throws(NATSError) {
        // A state that is told again because its end has begun is news.
        let news = message.detail?.ending == nil ? "\(message.state)" : "\(message.state).ending"
        _ = try await self.bus.connection.jetStream.publish(
            WireCodec.encode(message), to: message.subject,
            headers: ["Nats-Msg-Id": "\(message.cluster).\(message.backend).\(news)"], timeout: Self.timeout)
    }

    /// As for the shared memory.
    private static let timeout: Duration = .seconds(2)

    private static func metadata(_ update: UpdateBackendStateMessage) -> Logger.Metadata {
        [
            LogKey.cluster: "\(update.cluster)", LogKey.backend: "\(update.backend)", LogKey.drone: "\(update.drone)",
            LogKey.state: "\(update.state)",
        ]
    }
}
