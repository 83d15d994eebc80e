import NATS

/// Deletes what the streams hold of a backend.
struct StateCleaner {
    let jetStream: JetStream

    private static let tokens = "plane_secrets"
    /// Answered within milliseconds; a server that does not allow it answers never.
    private static let timeout: Duration = .seconds(2)

    /// The token first: without the backend nobody would know that there is one. By their places, because a server looks through the whole
    /// stream for a purge by subject; so only where a place is not known, or this user may not delete a single message.
    func forget(_ item: CleanupPlan.Item) async throws {
        if item.hasHiddenToken, let token = try await self.jetStream.lastMessage(stream: Self.tokens, subject: item.tokenSubject) {
            try await self.delete([token.sequence], from: Self.tokens, else: [item.tokenSubject])
        }
        try await self.delete(item.messages, from: WorldReader.stream, else: item.subjects)
    }

    private func delete(_ messages: [UInt64]?, from stream: String, else subjects: [String]) async throws(NATSError) {
        if let messages {
            do {
                for sequence in messages {
                    try await self.jetStream.deleteMessage(stream: stream, sequence: sequence, timeout: Self.timeout)
                }
                return
            } catch where error.code == .timedOut && self.jetStream.connection.isConnected {}
        }
        for subject in subjects { _ = try await self.jetStream.purge(stream: stream, subject: subject) }
    }
}
