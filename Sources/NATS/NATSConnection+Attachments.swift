import Logging
import Synchronization

/// The subscriptions, which outlive one connection of libnats and are made again on the next one.
extension NATSConnection {
    func attach(_ subject: String, queue: String?, sink: any MessageSink) throws(NATSError) -> Attachment {
        guard NATSSubject.isSubscribable(subject), queue.map(NATSSubject.isQueueName) ?? true else {
            throw NATSError(
                .invalidSubject, attempt: "subscribe to \(subject)",
                hint: "a subject consists of tokens without spaces, divided by single dots")
        }
        let (attachment, link, isConnected) = self.state.withLock { state in
            state.nextID += 1
            let attachment = Attachment(id: state.nextID, subject: subject, queue: queue, sink: sink)
            if case .closed = state.link { return (attachment, state.link, false) }
            state.attachments[attachment.id] = attachment
            state.sinks[attachment.id] = sink
            if case .open = state.link, !state.isConnected { state.afterwards.attachments.append(attachment) }
            return (attachment, state.link, state.isConnected)
        }
        switch link {
        case .connecting, .reopening: break  // Bound by `adopt`.
        case .open where !isConnected: break  // Bound by `restored`.
        case .closed: throw NATSError(.closed, attempt: "subscribe to \(subject)")
        case .open(let native):
            do throws(NATSError) {
                try attachment.bind(to: native)
            } catch where error.code == .closed {
                // The library is giving the connection up at this moment; the subscription is made on the next connection.
            } catch {
                self.detach(attachment)
                throw error
            }
        }
        return attachment
    }

    func detach(_ attachment: Attachment) {
        self.state.withLock { state in
            state.attachments[attachment.id] = nil
            state.sinks[attachment.id] = nil
        }
    }

    /// Runs on the delivery thread of libnats.
    func overflowed(subject: String, dropped: UInt64) {
        self.logger.warning(
            "messages dropped, their reader is too slow",
            metadata: [NATSLogKey.subject: "\(subject)", NATSLogKey.dropped: "\(dropped)"])
        self.broadcast.send(.slowConsumer(subject: subject, dropped: dropped))
    }
}
