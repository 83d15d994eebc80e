import CNATS

/// Owns one `natsSubscription`.
///
/// The library keeps a reference to the sink until its on-complete callback, not until we unsubscribe, because one last message may be on its way on another
/// thread.
final class NativeSubscription: @unchecked Sendable {
    // Unchecked: the pointer never changes, and libnats guards what it points to with a lock.
    private let pointer: OpaquePointer
    private let restoration: NativeConnection.Restoration

    /// Keeps the sink alive for the library's callbacks.
    private final class Box: Sendable {
        let sink: any MessageSink
        init(_ sink: any MessageSink) { self.sink = sink }
    }

    init(
        connection: OpaquePointer, restoration: NativeConnection.Restoration, subject: String, queue: String?, sink: any MessageSink
    ) throws(NATSError) {
        let box = Unmanaged.passRetained(Box(sink))
        // Called on a delivery thread of libnats; owns `message`.
        let deliver: natsMsgHandler = { _, _, message, closure in
            guard let message, let closure else { return }
            defer { natsMsg_Destroy(message) }
            Unmanaged<Box>.fromOpaque(closure).takeUnretainedValue().sink.receive(NATSMessage(copying: message))
        }
        // Called on the same thread after the last delivery.
        let complete: natsOnCompleteCB = { closure in
            guard let closure else { return }
            Unmanaged<Box>.fromOpaque(closure).takeRetainedValue().sink.completed()
        }
        var subscription: OpaquePointer?
        let status =
            if let queue {
                natsConnection_QueueSubscribe(&subscription, connection, subject, queue, deliver, box.toOpaque())
            } else {
                natsConnection_Subscribe(&subscription, connection, subject, deliver, box.toOpaque())
            }
        guard status == NATS_OK, let subscription else {
            box.release()
            throw NATSError(status: status, attempt: "subscribe to \(subject)")
        }
        self.pointer = subscription
        self.restoration = restoration
        // Fails only if the connection was closed at this very moment. A delivery may still be running then, so the box is leaked rather than freed: a few
        // bytes, at the end of a connection.
        _ = natsSubscription_SetOnCompleteCB(subscription, complete, box.toOpaque())
    }

    deinit {
        guard self.restoration.isUnderWay else { return natsSubscription_Destroy(self.pointer) }
        // Waits for the library to have connected.
        nonisolated(unsafe) let pointer = self.pointer
        NativeConnection.later { natsSubscription_Destroy(pointer) }
    }

    /// Whether nothing is on its way, because the connection is broken.
    var isCutOff: Bool { self.restoration.isUnderWay }

    /// Messages lost before they reached the sink, because the library's own queue was full.
    var dropped: UInt64 {
        var count: Int64 = 0
        return natsSubscription_GetDropped(self.pointer, &count) == NATS_OK ? UInt64(max(0, count)) : 0
    }

    /// Asks the server for no more messages. The sink gets those on their way, and then `completed`. Does not block.
    /// - Returns: whether draining has begun; if not, the connection is closed and nothing more comes.
    func drain(timeout: Duration) -> Bool {
        natsSubscription_DrainTimeout(self.pointer, timeout.libraryMilliseconds) == NATS_OK
    }
}
