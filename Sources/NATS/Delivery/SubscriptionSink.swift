import Logging
import Synchronization

/// Fills the buffer of one `NATSSubscription`, and reports messages that do not fit.
final class SubscriptionSink: MessageSink {
    /// How many bytes are buffered at most, whatever the number of messages; libnats has the same limit.
    static let bytesLimit = 64 << 20

    let subject: String
    let buffer: MessageBuffer<NATSMessage>
    private let isDraining = Mutex(false)
    private let onOverflow: @Sendable (_ subject: String, _ dropped: UInt64) -> Void

    /// - Parameter onOverflow: called on the delivery thread at the 1st, 2nd, 4th, 8th … lost message.
    init(
        subject: String, bufferLimit: Int,
        onOverflow: @escaping @Sendable (_ subject: String, _ dropped: UInt64) -> Void
    ) {
        self.subject = subject
        self.buffer = MessageBuffer(countLimit: bufferLimit, bytesLimit: Self.bytesLimit)
        self.onOverflow = onOverflow
    }

    func receive(_ message: NATSMessage) {
        guard case .dropped(let total) = self.buffer.push(message, bytes: message.bufferedBytes) else { return }
        // Reports the 1st, 2nd, 4th … lost message, so that a flood of messages does not become a flood of log lines.
        if total.nonzeroBitCount == 1 { self.onOverflow(self.subject, total) }
    }

    /// During a drain the sequence ends here. Otherwise the connection has broken and is being made anew.
    func completed() {
        if self.isDraining.withLock({ $0 }) { self.buffer.finish() }
    }

    func connectionDraining() { self.beginDraining() }

    func connectionClosed() { self.buffer.finish() }

    func beginDraining() { self.isDraining.withLock { $0 = true } }
}
