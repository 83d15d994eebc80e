import PlaneMessaging
import PlaneProtocol
import PlaneService
import Synchronization

/// Follows what a draining drone says of itself, with a live line on a terminal and a line for each change elsewhere.
final class DrainProgress: Sendable {
    let drone: DroneID
    private let statuses: MessageSubscription<DroneStatusMessage>
    private let console: Console
    private let line: LiveLine
    private let live = Mutex<UInt32?>(nil)
    private let wasDraining = Mutex(false)

    /// Listens from now on.
    init(of drone: DroneID, in cluster: ClusterName, bus: PlaneBus, console: Console) throws {
        self.drone = drone
        self.statuses = try bus.subscribe(
            to: DroneStatusMessage.self, on: "cluster.\(cluster.subjectToken).drone.\(drone).status")
        self.console = console
        self.line = LiveLine(console: console)
    }

    /// Returns when the drone is empty.
    /// - Throws: when somebody else lets it take backends again, or the connection has ended.
    func run() async throws {
        switch try await self.firstEnd() {
        case .drained: return
        case .cancelled:
            throw CommandFailure(.failed, "\(self.drone) takes backends again: somebody has cancelled the drain.")
        }
    }

    private enum End { case drained, cancelled }

    private func firstEnd() async throws -> End {
        let (ends, end) = AsyncStream.makeStream(of: End.self)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                await self.statuses.forEach { status in
                    if let found = self.apply(status) { end.yield(found) }
                }
                end.finish()
            }
            defer { group.cancelAll() }
            for await found in ends { return found }
            try Task.checkCancellation()
            throw CommandFailure(.unavailable, "The connection to NATS has ended.")
        }
    }

    /// What is left, in words.
    var remaining: String {
        switch self.live.withLock({ $0 }) {
        case nil: "it has not said how many backends it runs"
        case 1?: "1 backend still runs"
        case let count?: "\(count) backends still run"
        }
    }

    func clear() { self.line.clear() }

    private func apply(_ status: DroneStatusMessage) -> End? {
        switch status.state {
        case .drained: return .drained
        // Agents of 0.3.24 never say more than that they drain.
        case .draining, .stopped: if status.runningBackends == 0 { return .drained }
        // What it said before it was asked may still be on its way.
        case .ready, .starting, .lost: return self.wasDraining.withLock { $0 } ? .cancelled : nil
        }
        self.wasDraining.withLock { $0 = true }
        let isNew = self.live.withLock { live in
            defer { live = status.runningBackends }
            return live != status.runningBackends
        }
        let text = "\(self.drone) is draining: \(self.remaining)"
        self.line.show(text)
        if isNew, !self.console.isErrorTerminal { self.console.note(text) }
        return nil
    }
}
