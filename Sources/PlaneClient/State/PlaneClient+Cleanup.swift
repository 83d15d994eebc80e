import NATS
import StateReplication

extension PlaneClient {
    private static let tokens = "plane_secrets"
    /// A server answers within milliseconds. It does not answer at all if it does not permit the deletion.
    private static let deletionTimeout: Duration = .seconds(2)

    /// Deletes what the streams hold of a backend.
    ///
    /// The token is deleted first, since without the backend nobody would know of it. Messages are deleted by their sequences, because for a purge by subject
    /// a server looks through the whole stream. That is only done if a sequence is not known, or if this user may not delete single messages.
    package func forget(_ item: CleanupPlan.Item) async throws(PlaneError) {
        do throws(NATSError) {
            if item.hasHiddenToken, let token = try await self.jetStream.lastMessage(stream: Self.tokens, subject: item.tokenSubject) {
                try await self.delete([token.sequence], from: Self.tokens, else: [item.tokenSubject])
            }
            try await self.delete(item.messages, from: StateStream.name, else: item.subjects)
        } catch {
            throw PlaneError(error)
        }
    }

    private func delete(_ messages: [UInt64]?, from stream: String, else subjects: [String]) async throws(NATSError) {
        if let messages {
            do throws(NATSError) {
                for sequence in messages {
                    try await self.jetStream.deleteMessage(stream: stream, sequence: sequence, timeout: Self.deletionTimeout)
                }
                return
            } catch {
                guard [.timedOut, .permissionDenied].contains(error.code), self.connection.isConnected else { throw error }
            }
        }
        for subject in subjects { _ = try await self.jetStream.purge(stream: stream, subject: subject) }
    }
}
