import NATS
import PlaneMessaging
import PlaneProtocol
import PlaneService

/// The states of one backend, from the first one on, as they are and as they come.
struct BackendHistory {
    let bus: PlaneBus
    let backend: BackendID

    static let stream = "backend_status"

    /// - Parameters:
    ///   - follow: whether to wait for more after what there is.
    ///   - body: gets each state, and whether it is the newest; returns whether to go on.
    func forEach(
        follow: Bool, _ body: (BackendStateMessage, _ isNewest: Bool) async throws -> Bool
    ) async throws {
        let consumer = try await self.bus.connection.jetStream.orderedConsumer(
            stream: Self.stream, filter: BackendStateMessage.subject(backend: self.backend), from: .first)
        guard follow || consumer.initialPending > 0 else { return }
        for await message in consumer {
            let state = try? WireCodec.decode(
                BackendStateMessage.self, from: message.payload, subject: message.subject)
            // Written by a newer version: unknown to us, and not the end of the story.
            if let state, try await !body(state, message.pending == 0) { return }
            if !follow, message.pending == 0 { return }
        }
    }

    /// The newest state, or nil if none is known.
    func newest() async throws -> BackendStateMessage? {
        let subject = BackendStateMessage.subject(backend: self.backend)
        let message = try await self.bus.connection.jetStream.lastMessage(stream: Self.stream, subject: subject)
        return try message.map { try WireCodec.decode(BackendStateMessage.self, from: $0.payload, subject: subject) }
    }
}
