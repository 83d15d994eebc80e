import NATS
import PlaneMessaging
import PlaneProtocol
import PlaneService

/// What a backend has printed, as far as it is kept.
struct BackendLog {
    let bus: PlaneBus
    let backend: BackendID

    static let stream = "backend_logs"

    /// Where the stream has it, in the order in which agents came to write there: on the subject of 0.3, and where the stream takes subjects
    /// that name the drone, on that of the drone the backend was given to. A drone writes on its own subjects only, so what another one says
    /// of the backend is not among them. Where the state of the world cannot be read, or has forgotten the backend, nobody knows which drone
    /// that is, and all are.
    func subjects() async throws -> [String] {
        var subjects = [BackendLogMessage.subject(backend: self.backend)]
        if try await Self.namesDrones(self.bus) {
            subjects.append(BackendLogMessage.ownSubscription(backend: self.backend, drone: await self.drone()))
        }
        return subjects
    }

    /// Whether agents speak of their backends on subjects that name them.
    static func namesDrones(_ bus: PlaneBus) async throws -> Bool {
        try await bus.connection.jetStream.streamInfo(Self.stream).subjects.contains {
            NATSSubject.overlap($0, BackendLogMessage.ownSubscription)
        }
    }

    /// The drone that a scheduler gave the backend to.
    private func drone() async -> DroneID? {
        for end in ["assignment", "assignment.lock.*"] {
            // An application cannot read the state, and has a stream of its own.
            guard
                let message = try? await self.bus.connection.jetStream.lastMessage(
                    stream: WorldReader.stream, subject: "state.cluster.*.backend.\(self.backend).\(end)")
            else { continue }
            if case .cluster(_, .backend(let message)) = try? WireCodec.decode(WorldStateMessage.self, from: message.payload),
                case .assignment(let assignment) = message.change
            {
                return assignment.drone
            }
        }
        return nil
    }

    /// The newest entries, oldest first; none if nothing is kept.
    func last(_ count: Int) async throws -> [LogEntry] {
        guard count > 0 else { return [] }
        var entries: [LogEntry] = []
        for subject in try await self.subjects() {
            let consumer = try await self.consumer(subject)
            guard consumer.initialPending > 0 else { continue }
            for await message in consumer {
                if let entry = self.entry(message) {
                    if entries.count == count { entries.removeFirst() }
                    entries.append(entry)
                }
                if message.pending == 0 { break }
            }
        }
        return entries
    }

    func consumer(_ subject: String) async throws -> OrderedConsumer {
        try await self.bus.connection.jetStream.orderedConsumer(stream: Self.stream, filter: subject, from: .first)
    }

    /// nil for what another backend's subject would have to carry, and for a message of a newer version: both are passed over.
    func entry(_ message: StreamMessage) -> LogEntry? {
        guard let log = try? WireCodec.decode(BackendLogMessage.self, from: message.payload), log.backendID == self.backend else { return nil }
        return LogEntry(log)
    }
}
