import NATS
import PlaneMessaging
import PlaneProtocol
import PlaneService
import Synchronization

/// Waits until a backend is ready, with a live line on a terminal.
final class ReadinessWait: Sendable {
    private let bus: PlaneBus
    private let history: BackendHistory
    private let drone: DroneID
    private let line: LiveLine
    private let progress: Mutex<SpawnProgress>
    private let start: ContinuousClock.Instant
    private let limit: Duration

    /// How often the line is written anew.
    private static let refreshInterval: Duration = .milliseconds(100)

    /// - Parameters:
    ///   - start: when the request was sent.
    ///   - limit: counted from then.
    init(
        backend: BackendID, drone: DroneID, bus: PlaneBus, console: Console, start: ContinuousClock.Instant, limit: Duration
    ) {
        self.bus = bus
        self.history = BackendHistory(bus: bus, backend: backend)
        self.drone = drone
        self.line = LiveLine(console: console)
        self.progress = Mutex(SpawnProgress(backend: backend))
        self.start = start
        self.limit = limit
    }

    /// - Throws: `CommandFailure` when the backend ends before, or takes too long.
    func run() async throws -> SpawnPhases? {
        defer { self.line.clear() }
        return try await withThrowingTaskGroup(of: SpawnPhases?.self) { group in
            group.addTask { try await self.follow() }
            group.addTask { try await self.watch() }
            group.addTask { try await self.listen() }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
    }

    private func follow() async throws -> SpawnPhases? {
        var outcome = SpawnProgress.Outcome.waiting
        try await self.history.forEach(follow: true) { message, _ in
            outcome = self.progress.withLock { $0.apply(message) }
            return outcome == .waiting
        }
        switch outcome {
        case .ready(let phases): return phases
        case .ended(let failure): throw failure
        case .waiting: throw CommandFailure(.unavailable, "The connection to NATS has ended.")
        }
    }

    /// Takes in what the drone says of a long pull. Never the first to end: what it shows is not what is waited for.
    private func listen() async throws -> SpawnPhases? {
        let backend = self.history.backend
        // Where the stream of lines cannot be looked at, agents speak as in 0.3.
        let namesDrones = (try? await BackendLog.namesDrones(self.bus)) ?? false
        let subject =
            namesDrones
            ? BackendLogMessage.ownSubscription(backend: backend, drone: self.drone) : BackendLogMessage.subject(backend: backend)
        for await message in try self.bus.connection.subscribe(subject) {
            // Of another backend it is not shown.
            guard let log = try? WireCodec.decode(BackendLogMessage.self, from: message.payload) else { continue }
            self.progress.withLock { $0.apply(log) }
        }
        try await Task.sleep(for: self.limit)
        throw CommandFailure(.unavailable, "The connection to NATS has ended.")
    }

    /// Shows the time go by, and gives up in the end.
    private func watch() async throws -> SpawnPhases? {
        while .now - self.start < self.limit {
            let elapsed = ContinuousClock.now - self.start
            self.line.show(self.progress.withLock { $0.line(elapsed: elapsed) })
            try await Task.sleep(for: Self.refreshInterval)
        }
        let state = self.progress.withLock { $0.state }
        throw CommandFailure(
            .noAnswer,
            "Not ready after \(self.limit.brief): \(state.map { "still \($0.rawValue)" } ?? "no state was reported").",
            advice: "It goes on by itself; see: plane status \(self.history.backend)")
    }
}
