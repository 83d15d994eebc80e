import Logging
import LogKeys
import NATS
import PlaneService
import Synchronization

/// Messages of one subscription that a stream has delivered, and that are not carried out. The first is told, because whoever tries this may try
/// it often.
final class StreamDeliveries: Sendable {
    private let hasTold = Atomic(false)

    func tell(of message: NATSMessage, _ logger: Logger) {
        guard !self.hasTold.exchange(true, ordering: .relaxed) else { return }
        logger.warning(
            "message is passed over, because a stream delivers it; more of these are not told",
            metadata: [
                LogKey.subject: "\(message.subject)",
                LogKey.hint: "somebody has a consumer of a stream, or a stream itself, publish on this subject: nats consumer report",
            ])
    }
}
