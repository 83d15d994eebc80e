import Logging
import LogKeys
import Metrics
import NATS
import PlaneProtocol
import PlaneService
import Synchronization

/// Sends the answers to the messages of one kind, but only to inboxes.
final class Answerer: Sendable {
    private let connection: NATSConnection
    private let replySubjects: ReplySubjects
    private let logger: Logger
    private let dropped = Counter(label: "plane_answers_dropped_total")
    private let hasToldOfDrop = Mutex(false)

    /// How many characters of a reply subject are logged; a server accepts some thousand.
    private static let mostShown = 200

    init(connection: NATSConnection, replySubjects: ReplySubjects, logger: Logger) {
        self.connection = connection
        self.replySubjects = replySubjects
        self.logger = logger
    }

    /// A message without a reply subject gets no answer.
    func answer(_ message: NATSMessage, _ reply: some JSONEncodable, _ headers: NATSHeaders = .empty) {
        guard let subject = message.reply else { return }
        guard self.replySubjects.contains(subject) else { return self.drop(message, to: subject) }
        do {
            try self.connection.publish(WireCodec.encode(reply), to: subject, headers: headers)
        } catch {
            // Answers are not kept: the requester asks again, or gives up.
            self.logger.warning("answer cannot be sent", metadata: [LogKey.subject: "\(message.subject)", LogKey.error: "\(error)"])
        }
    }

    /// Every such message is counted, but only the first is logged, because there may be many.
    private func drop(_ message: NATSMessage, to subject: String) {
        self.dropped.increment()
        let isFirst = self.hasToldOfDrop.withLock { hasTold in
            defer { hasTold = true }
            return !hasTold
        }
        guard isFirst else { return }
        self.logger.warning(
            "answer is not sent, because its subject is no inbox; more of these are only counted",
            metadata: [
                LogKey.subject: "\(message.subject)", LogKey.replySubject: "\(subject.prefix(Self.mostShown))",
                LogKey.hint: "nats.inbox_prefixes lists where answers may go",
            ])
    }
}
