import Synchronization

/// A subscription that outlives connections of libnats: the subject and queue asked for, and the library's present subscription, which is replaced
/// when the library's connection is made anew.
final class Attachment: Sendable {
    private enum Binding {
        case unbound
        case bound(to: ObjectIdentifier, NativeSubscription)
        /// Cancelled or drained; never bound again. A draining subscription is kept until its last message has come.
        case ended(NativeSubscription?)
    }

    let id: UInt64
    let subject: String
    let queue: String?
    private let sink: any MessageSink
    private let binding = Mutex(Binding.unbound)

    init(id: UInt64, subject: String, queue: String?, sink: any MessageSink) {
        self.id = id
        self.subject = subject
        self.queue = queue
        self.sink = sink
    }

    /// Messages lost inside the library.
    var dropped: UInt64 {
        switch self.binding.withLock({ $0 }) {
        case .unbound: 0
        case .bound(_, let subscription): subscription.dropped
        case .ended(let subscription): subscription?.dropped ?? 0
        }
    }

    /// Subscribes on `connection`, unless that was done before. The library makes no callbacks during this call.
    func bind(to connection: NativeConnection) throws(NATSError) {
        try self.binding.withLock { (binding) throws(NATSError) in
            switch binding {
            case .bound(ObjectIdentifier(connection), _), .ended: return
            case .unbound, .bound:
                let subscription = try connection.subscribe(self.subject, queue: self.queue, sink: self.sink)
                binding = .bound(to: ObjectIdentifier(connection), subscription)
            }
        }
    }

    /// Unsubscribes.
    func cancel() {
        let last: Binding = self.binding.withLock { binding in
            defer { binding = .ended(nil) }
            return binding
        }
        _ = consume last  // Destroyed outside the lock.
    }

    /// Unsubscribes, but lets messages that are on their way arrive; the sink is told when all have.
    func drain(timeout: Duration) {
        let subscription: NativeSubscription? = self.binding.withLock { binding in
            switch binding {
            case .unbound:
                binding = .ended(nil)
                return nil
            case .bound(_, let subscription) where subscription.isCutOff:
                binding = .ended(nil)
                return nil
            case .bound(_, let subscription):
                binding = .ended(subscription)
                return subscription
            case .ended(let subscription): return subscription
            }
        }
        if let subscription, subscription.drain(timeout: timeout) { return }
        self.sink.completed()
    }
}
