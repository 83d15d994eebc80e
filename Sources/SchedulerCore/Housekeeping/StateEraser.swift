import Logging
import NATS
import PlaneProtocol
import PlaneService
import PlaneState
import Synchronization

/// Deletes messages from `plane_state`, one by one by their places. A server finds a place at once; for a purge by subject it looks through
/// the whole stream, which takes a quarter of a second of it when that holds 300 000 messages.
final class StateEraser: Sendable {
    private let jetStream: JetStream
    private let logger: Logger
    /// Deleting by place is tried again then.
    private let pausedUntil = Mutex<ContinuousClock.Instant?>(nil)

    /// Answered within milliseconds; a server that does not allow it answers never.
    private static let timeout: Duration = .seconds(2)
    /// An account whose permissions are older than this way of deleting.
    private static let pause: Duration = .seconds(600)

    init(jetStream: JetStream, logger: Logger) {
        self.jetStream = jetStream
        self.logger = logger
    }

    /// - Parameters:
    ///   - messages: in the order in which they go; nil if they are not all known.
    ///   - subjects: of the same messages, for a purge.
    ///   - before: what a purge leaves alone from here on.
    func erase(_ messages: [UInt64]?, subjects: [String], before: UInt64? = nil) async throws(NATSError) {
        if let messages, !self.isPaused {
            do {
                for sequence in messages {
                    try await self.jetStream.deleteMessage(stream: SchedulerStreams.planeState, sequence: sequence, timeout: Self.timeout)
                }
                return
            } catch where error.code == .timedOut && self.jetStream.connection.isConnected {
                self.takeBreak(error)
            }
        }
        for subject in subjects {
            _ = try await self.jetStream.purge(stream: SchedulerStreams.planeState, subject: subject, before: before)
        }
    }

    private var isPaused: Bool { self.pausedUntil.withLock { $0.map { .now < $0 } ?? false } }

    private func takeBreak(_ error: NATSError) {
        let isNews = self.pausedUntil.withLock { pausedUntil in
            defer { pausedUntil = .now + Self.pause }
            return pausedUntil.map { .now >= $0 } ?? true
        }
        guard isNews else { return }
        self.logger.warning(
            "messages cannot be deleted one by one, and are purged by their subjects, which costs NATS far more",
            metadata: [
                LogKey.error: "\(error)",
                LogKey.hint: "may this user publish to $JS.API.STREAM.MSG.DELETE.\(SchedulerStreams.planeState)?",
            ])
    }
}
