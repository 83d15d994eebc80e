/// Keeps the order of an ordered consumer: knows what was handed to the reader, notices what is missing, and says when a
/// new consumer must take over and from where. Knows nothing of connections and time.
///
/// A consumer counts its deliveries from 1 without gaps. A message with another number than the next, a heartbeat that
/// knows of more deliveries than we do, silence, or a connection that was restored mean that something is or may be lost:
/// then a new consumer starts behind the last message handed out. What still arrives from the old one is ignored, by the
/// generation it was delivered to and by the consumer's name.
///
///     opening ──opened──► following ──gap, silence, reconnected──► opening …
struct OrderedConsumerMachine {
    enum State: Equatable {
        /// A consumer must be created.
        case opening
        /// The consumer's name, and the number its next delivery must have.
        case following(consumer: String, nextDelivery: UInt64)
    }

    enum MessageAction: Equatable { case deliver, ignore, reopen }
    enum SignalAction: Equatable { case reopen, none }

    private(set) var state = State.opening
    /// The number of the current attempt to follow the stream. Everything that arrives is tagged with one.
    private(set) var generation: UInt64 = 0
    /// How often the stream was replaced by another one of the same name.
    private(set) var incarnation: UInt64 = 0
    /// Which stream it is, among all that had its name.
    private(set) var identity = StreamIdentity(created: 0, copy: 0)
    private let start: OrderedConsumerStart
    /// The sequence of the first message that was not handed out; nil before the stream was seen.
    private var cursor: UInt64?
    /// The sequence of the last message handed out.
    private var lastDelivered: UInt64?
    private var streamCreated: String?

    init(start: OrderedConsumerStart) { self.start = start }

    /// Begins a new attempt; what is tagged with an earlier generation no longer counts.
    mutating func beginOpening() -> UInt64 {
        self.state = .opening
        self.generation += 1
        return self.generation
    }

    /// Called with the stream's current state.
    /// - Returns: the sequence to start at.
    mutating func streamSeen(created: String, lastSequence: UInt64) -> UInt64 {
        defer {
            self.streamCreated = created
            if self.identity.created == 0 { self.identity = StreamIdentity(createdAt: created) }
        }
        guard let cursor = self.cursor, let streamCreated = self.streamCreated else {
            let cursor =
                switch self.start {
                case .first: 1 as UInt64
                // This is a number too, so that a new consumer later does not miss what comes in between.
                case .new: lastSequence + 1
                case .sequence(let sequence): max(1, sequence)
                }
            self.cursor = cursor
            return cursor
        }
        // The stream is another one, or was restored from an older copy: all its messages are new to the reader.
        let isReplaced = created != streamCreated || lastSequence < self.lastDelivered ?? 0
        guard isReplaced else { return cursor }
        self.incarnation += 1
        if created == streamCreated { self.identity.copy += 1 } else { self.identity = StreamIdentity(createdAt: created) }
        self.cursor = 1
        self.lastDelivered = nil
        return 1
    }

    /// The consumer exists.
    mutating func opened(consumer: String, generation: UInt64) {
        guard generation == self.generation else { return }
        switch self.state {
        case .opening: self.state = .following(consumer: consumer, nextDelivery: 1)
        case .following: break  // Opened twice in one generation: the first consumer's deliveries are the ones counted.
        }
    }

    mutating func received(_ metadata: DeliveryMetadata, generation: UInt64) -> MessageAction {
        guard generation == self.generation else { return .ignore }
        switch self.state {
        case .opening:
            return .ignore  // The next consumer delivers it again.
        case .following(let consumer, let nextDelivery):
            guard metadata.consumer == consumer else { return .ignore }
            guard metadata.consumerSequence == nextDelivery else { return .reopen }
            self.state = .following(consumer: consumer, nextDelivery: nextDelivery + 1)
            self.cursor = metadata.streamSequence + 1
            self.lastDelivered = metadata.streamSequence
            return .deliver
        }
    }

    /// - Parameter lastDelivery: the number of the consumer's latest delivery, as the server counts; nil if it did not say.
    mutating func heartbeat(lastDelivery: UInt64?, generation: UInt64) -> SignalAction {
        guard generation == self.generation else { return .none }
        switch self.state {
        case .opening: return .none
        case .following(_, let nextDelivery):
            // Heartbeats and deliveries come in order, so a delivery that it counts and that has not come is lost.
            return lastDelivery ?? 0 >= nextDelivery ? .reopen : .none
        }
    }

    /// Called after neither messages nor heartbeats have come for too long, when the connection was restored, or when the server has reported that the
    /// consumer is gone.
    func interrupted(generation: UInt64) -> SignalAction {
        guard generation == self.generation else { return .none }
        switch self.state {
        case .opening: return .none
        case .following: return .reopen
        }
    }
}
