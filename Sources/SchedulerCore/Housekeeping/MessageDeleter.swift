import Logging
import LogKeys
import NATS
import PlaneProtocol
import PlaneService
import Synchronization

/// Deletes messages from a stream, one by one by their stream sequences. A server finds a sequence at once; for a purge by subject it looks
/// through the whole stream, which costs it a quarter of a second with 300 000 messages.
final class MessageDeleter: Sendable {
    private let jetStream: JetStream
    private let stream: String
    private let logger: Logger
    /// When deleting by sequence is tried again, after it was not permitted.
    private let pausedUntil = Mutex<ContinuousClock.Instant?>(nil)

    /// Time within which the server has to answer. It takes milliseconds; a call that is not permitted gets no answer.
    private static let timeout: Duration = .seconds(2)
    /// Pause after a call without an answer: the account's permissions may not allow deleting by sequence.
    private static let pause: Duration = .seconds(600)

    init(_ stream: String, jetStream: JetStream, logger: Logger) {
        self.stream = stream
        self.jetStream = jetStream
        self.logger = logger
    }

    /// - Parameters:
    ///   - messages: their sequences, in the order in which they are deleted; nil if not all are known.
    ///   - subjects: the subjects of the same messages, for a purge.
    ///   - before: a purge keeps messages from this sequence on.
    func erase(_ messages: [UInt64]?, subjects: [String], before: UInt64? = nil) async throws(NATSError) {
        if let messages, !self.isPaused {
            do {
                for sequence in messages {
                    try await self.jetStream.deleteMessage(stream: self.stream, sequence: sequence, timeout: Self.timeout)
                }
                return
            } catch where [.timedOut, .permissionDenied].contains(error.code) && self.jetStream.connection.isConnected {
                self.pause(error)
            }
        }
        for subject in subjects {
            _ = try await self.jetStream.purge(stream: self.stream, subject: subject, before: before)
        }
    }

    private var isPaused: Bool { self.pausedUntil.withLock { $0.map { .now < $0 } ?? false } }

    private func pause(_ error: NATSError) {
        let isNews = self.pausedUntil.withLock { pausedUntil in
            defer { pausedUntil = .now + Self.pause }
            return pausedUntil.map { .now >= $0 } ?? true
        }
        guard isNews else { return }
        self.logger.warning(
            "messages cannot be deleted one by one, and are purged by their subjects, which costs NATS far more",
            metadata: [
                LogKey.error: "\(error)",
                LogKey.hint: "may this user publish to $JS.API.STREAM.MSG.DELETE.\(self.stream)?",
            ])
    }
}
