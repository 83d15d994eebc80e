import NATS
import PlaneMessaging
import PlaneProtocol
import PlaneService

/// What a backend has printed, as far as it is kept.
struct BackendLog {
    let bus: PlaneBus
    let backend: BackendID

    static let stream = "backend_logs"

    /// The newest entries, oldest first; none if nothing is kept.
    func last(_ count: Int) async throws -> [LogEntry] {
        guard count > 0 else { return [] }
        let consumer = try await self.bus.connection.jetStream.orderedConsumer(
            stream: Self.stream, filter: BackendLogMessage.subject(backend: self.backend), from: .first)
        var entries: [LogEntry] = []
        guard consumer.initialPending > 0 else { return entries }
        for await message in consumer {
            // A message of a newer version is passed over.
            if let log = try? WireCodec.decode(BackendLogMessage.self, from: message.payload, subject: message.subject) {
                if entries.count == count { entries.removeFirst() }
                entries.append(LogEntry(log))
            }
            if message.pending == 0 { break }
        }
        return entries
    }
}
