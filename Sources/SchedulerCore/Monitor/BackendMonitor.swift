package import Logging
import LogKeys
import NATS
package import PlaneMessaging
package import PlaneProtocol
import PlaneService
import PlaneState
package import SchedulerCoreConfiguration

/// Handles the reports of agents about their backends. It writes each one to `plane_state`, then to the public feed `backend_status`, and then
/// answers. An agent repeats a report until it is answered, so the two streams cannot differ for long.
///
/// A report counts only if it comes from the drone that the backend is assigned to.
package struct BackendMonitor: Sendable {
    private let bus: PlaneBus
    private let fleet: StateStore
    private let writer: StateWriter
    private let configuration: SchedulerConfiguration
    private let logger: Logger
    private let waiting = WaitingReports()

    /// Time for which a report waits for the backend's assignment. The assignment is written while the drone is asked, so a quick drone's report
    /// may come before this scheduler has read it.
    private static let assignmentLimit: Duration = .seconds(2)

    package init(bus: PlaneBus, fleet: StateStore, writer: StateWriter, configuration: SchedulerConfiguration, logger: Logger) {
        self.bus = bus
        self.fleet = fleet
        self.writer = writer
        self.configuration = configuration
        self.logger = logger
    }

    /// A report on the subject that does not name the drone: from agents of 0.3.24, which NATS cannot tell apart, and from operators who mark a
    /// backend as lost.
    package func reportShared(_ update: UpdateBackendStateMessage) async -> Result<UnitReply, ErrorReply> {
        guard self.configuration.acceptsLegacyPeers || update.state == .lost else {
            self.logger.warning(
                "report on the shared subject is refused",
                metadata: Self.metadata(update).merging([LogKey.hint: "\(ErrorReply.isShared.message)"]) { $1 })
            return .failure(.isShared)
        }
        return await self.report(update)
    }

    /// A report on the subject that names the drone.
    package func report(_ statement: DroneStatement<UpdateBackendStateMessage>) async -> Result<UnitReply, ErrorReply> {
        let update = statement.content
        if await self.isAssigned(update) { return await self.report(update) }
        if self.isForgotten(update) { return .success(UnitReply()) }
        self.logger.warning("drone speaks of a backend that is not assigned to it", metadata: Self.metadata(update))
        return .failure(.isNotAssigned)
    }

    private func isAssigned(_ update: UpdateBackendStateMessage) async -> Bool {
        if self.fleet.ask({ $0.drone(of: update.backend, in: update.cluster) }) == update.drone { return true }
        guard self.waiting.enter(update.drone) else { return false }
        defer { self.waiting.leave(update.drone) }
        return await self.fleet.waitUntil(
            update.backend, in: update.cluster, isAssignedTo: update.drone, within: Self.assignmentLimit)
    }

    /// Whether the report comes so late that its backend has been purged from the state. It is then acknowledged without being written,
    /// so that the agent does not repeat it for ever.
    private func isForgotten(_ update: UpdateBackendStateMessage) -> Bool {
        let age = Duration.seconds(WireTime.now().seconds - update.time.seconds)
        guard update.state.isTerminal, age > self.configuration.endedRetention else { return false }
        return self.fleet.ask { $0.backend(update.backend, in: update.cluster) } == nil
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
            update.detail?.ending != nil
                ? "backend is being ended" : update.detail?.isHeld.map { $0 ? "backend is frozen" : "backend is thawed" } ?? "backend changed its state",
            metadata: Self.metadata(update))
        return .success(UnitReply())
    }

    /// Whether the report says that a backend lives which has ended in the state. Agents report in order, so the backend was marked `Lost` while
    /// its drone was away, or given up by the scheduler that placed it. Written to the stream, the report would revive it for readers of 0.3.24.
    private func isOver(_ update: UpdateBackendStateMessage) async -> Bool {
        guard !update.state.isTerminal else { return false }
        let known = self.fleet.ask { $0.backend(update.backend, in: update.cluster)?.state }
        guard let known, known.isTerminal else { return false }
        guard update.detail?.ending == nil else { return true }  // it is stopping already
        self.logger.warning("backend lives on after its end, and is told to stop", metadata: Self.metadata(update))
        await Termination.request(update.backend, in: update.cluster, bus: self.bus, logger: self.logger)
        return true
    }

    /// Publishes to the feed. A report repeated because its answer was lost does not show twice: within 2 minutes, the stream's window, the
    /// server drops a second message with the same `Nats-Msg-Id`.
    private func publish(_ message: BackendStateMessage) async throws(NATSError) {
        // A state that is reported again because the backend's end has begun gets an id of its own, so that it is not dropped as a repetition.
        let news =
            switch message.detail?.ending?.kind {
            // A container may be frozen and thawed often, and each of these reports is published.
            case nil: "\(message.state)" + (message.detail?.isHeld.map { ".\($0 ? "held" : "thawed").\(message.time)" } ?? "")
            case .soft?: "\(message.state).ending"
            case .hard?: "\(message.state).ending.hard"
            }
        _ = try await self.bus.connection.jetStream.publish(
            WireCodec.encode(message), to: message.subject,
            headers: ["Nats-Msg-Id": "\(message.cluster).\(message.backend).\(news)"], timeout: Self.timeout)
    }

    /// How long the server may take to acknowledge, as for the state of the fleet.
    private static let timeout: Duration = .seconds(2)

    private static func metadata(_ update: UpdateBackendStateMessage) -> Logger.Metadata {
        [
            LogKey.cluster: "\(update.cluster)", LogKey.backend: "\(update.backend)", LogKey.drone: "\(update.drone)",
            LogKey.state: "\(update.state)",
        ]
    }
}
