import Logging
import Synchronization
import Timing

/// Carries out the actions of an `OrderedConsumerMachine`. All of this runs in the reader's calls of `next`, so there is no other task, and a slow reader
/// slows the server down (flow control) instead of filling memory.
final class OrderedConsumerDriver: Sendable {
    private struct State {
        var machine: OrderedConsumerMachine
        var attachment: Attachment?
        /// The name of our consumer on the server.
        var serverConsumer: String?
        /// The last sequence of the stream when the consumer was made. A reader that has got it has caught up.
        var lastSequence: UInt64 = .max
        var isEnded = false
    }

    private let jetStream: JetStream
    private let stream: String
    private let filter: String?
    private let timing: OrderedConsumerTiming
    private let feed: OrderedConsumerFeed
    private let observation: UInt64
    private let state: Mutex<State>

    /// Longest pauses between attempts to get a new consumer; the last one repeats. A pause ends early when the connection is restored.
    private static let reopenPauses = RetrySchedule(
        .milliseconds(20), .milliseconds(100), .milliseconds(500), .seconds(1), .seconds(2), .seconds(5))
    /// How long each of these attempts waits for its consumer; the last one repeats. The first are short: a cluster that has lost a server assigns every
    /// third consumer of a stream with three copies to it for two minutes more, and that consumer is never made; the next attempt may get another server. A
    /// consumer that is made later has no reader, so the server deletes it.
    private static let reopenTimeLimits: [Duration] = [
        .seconds(1), .seconds(1), .seconds(1), .seconds(1), .seconds(1), .seconds(2), .seconds(5),
    ]

    init(
        jetStream: JetStream, stream: String, filter: String?, start: OrderedConsumerStart,
        timing: OrderedConsumerTiming
    ) {
        self.jetStream = jetStream
        self.stream = stream
        self.filter = filter
        self.timing = timing
        let feed = OrderedConsumerFeed(timing: timing) { [weak connection = jetStream.connection] in
            connection?.isConnected ?? false
        }
        self.feed = feed
        self.observation = jetStream.connection.broadcast.observe { [weak feed] event in
            if event == .reconnected { feed?.reconnected() }
        }
        self.state = Mutex(State(machine: OrderedConsumerMachine(start: start)))
    }

    var identity: StreamIdentity { self.state.withLock { $0.machine.identity } }

    var isCurrent: Bool {
        let isFollowing = self.state.withLock { state in
            switch state.machine.state {
            case .opening: false
            case .following: !state.isEnded
            }
        }
        return isFollowing && self.jetStream.connection.isConnected && self.feed.isAlive
    }

    /// The next message, however long it takes; nil at the end.
    func next() async -> StreamMessage? {
        while true {
            if self.mustOpen {
                guard await self.reopen() else { return nil }
            }
            guard let entry = await self.feed.buffer.next() else { return nil }
            switch entry {
            case .message(let message, let generation):
                if let message = self.take(message, generation: generation) { return message }
            case .silence(let generation):
                self.interrupt(generation, reason: "nothing heard from the server")
            case .reconnected(let generation):
                self.interrupt(generation, reason: "the connection was restored")
            }
        }
    }

    /// Makes a consumer on the server.
    /// - Parameter timeLimit: how long the server may take to make it.
    /// - Returns: the number of messages it is going to deliver at once.
    func open(timeLimit: Duration = .seconds(5)) async throws(NATSError) -> UInt64 {
        self.retireConsumer()
        let generation = self.state.withLock { $0.machine.beginOpening() }
        self.feed.begin(generation: generation)
        let info = try await self.jetStream.streamInfo(self.stream)
        let start = self.state.withLock {
            $0.lastSequence = info.lastSequence
            return $0.machine.streamSeen(created: info.created, lastSequence: info.lastSequence)
        }
        // A subject of its own, so that the server loses interest in the consumer before.
        let deliverSubject = self.jetStream.connection.newInbox()
        let sink = OrderedConsumerSink(feed: self.feed, generation: generation) { [weak self] in self?.end() }
        let attachment = try self.jetStream.connection.attach(deliverSubject, queue: nil, sink: sink)
        guard self.adopt(attachment) else { throw NATSError(.closed, attempt: "follow stream \(self.stream)") }
        let body = ConsumerConfiguration(
            stream_name: self.stream,
            config: .init(
                deliver_subject: deliverSubject, opt_start_seq: start, filter_subject: self.filter,
                idle_heartbeat: self.timing.heartbeat.unsignedNanoseconds,
                inactive_threshold: self.timing.inactiveThreshold.unsignedNanoseconds))
        let attempt = "CONSUMER.CREATE.\(self.stream)"
        let answer = try await self.jetStream.call(
            attempt, body: JetStream.encode(body, attempt: attempt), answer: ConsumerConfiguration.Answer.self,
            timeout: timeLimit)
        let isEnded = self.state.withLock { state in
            state.serverConsumer = answer.name
            state.machine.opened(consumer: answer.name, generation: generation)
            return state.isEnded
        }
        if isEnded { self.retireConsumer() }
        self.feed.arm()
        return answer.num_pending ?? 0
    }

    /// Ends the sequence and deletes the consumer.
    func end() {
        let wasEnded = self.state.withLock { state in
            defer { state.isEnded = true }
            return state.isEnded
        }
        guard !wasEnded else { return }
        self.jetStream.connection.broadcast.stopObserving(self.observation)
        self.feed.buffer.finish()
        self.retireConsumer()
    }

    private var mustOpen: Bool {
        self.state.withLock { state in
            switch state.machine.state {
            case .opening: !state.isEnded
            case .following: false
            }
        }
    }

    /// Makes attempts until there is a consumer.
    /// - Returns: false if the reader's task was cancelled, or the consumer or its connection has ended.
    private func reopen() async -> Bool {
        var tries = 0
        while !self.state.withLock({ $0.isEnded }) {
            do throws(NATSError) {
                _ = try await self.open(timeLimit: Self.reopenTimeLimits[min(tries, Self.reopenTimeLimits.count - 1)])
                return true
            } catch {
                guard error.code != .closed, error.code != .cancelled, !Task.isCancelled else { return false }
                tries += 1
                if tries.nonzeroBitCount == 1 {
                    self.logger.warning(
                        "cannot follow the stream, trying again",
                        metadata: [
                            NATSLogKey.stream: "\(self.stream)", NATSLogKey.attempt: "\(tries)", NATSLogKey.error: "\(error)",
                        ])
                }
                // The attempt has taken long enough, so there is no pause.
                if error.code == .timedOut { continue }
            }
            await self.jetStream.connection.pause(atMost: Self.reopenPauses.pause(after: tries))
            guard !Task.isCancelled else { return false }
        }
        return false
    }

    /// Handles a delivery or a control message of the server.
    private func take(_ message: NATSMessage, generation: UInt64) -> StreamMessage? {
        if let status = message.status {
            self.control(message, status: status, generation: generation)
            return nil
        }
        guard let reply = message.reply, let metadata = DeliveryMetadata(reply: reply) else { return nil }
        let (action, incarnation, lastSequence) = self.state.withLock {
            ($0.machine.received(metadata, generation: generation), $0.machine.incarnation, $0.lastSequence)
        }
        switch action {
        case .deliver:
            return StreamMessage(
                subject: message.subject, payload: message.payload, sequence: metadata.streamSequence,
                published: metadata.published,
                // The server's count may stay too high if messages are replaced while they are read, so 0 is set once the last sequence is reached.
                pending: metadata.streamSequence >= lastSequence ? 0 : metadata.pending, streamIncarnation: incarnation)
        case .ignore: return nil
        case .reopen:
            self.interrupt(generation, reason: "a delivery is missing")
            return nil
        }
    }

    private func control(_ message: NATSMessage, status: String, generation: UInt64) {
        guard status == "100" else {
            // 409 and the like: the consumer was deleted or lost its leader.
            return self.interrupt(generation, reason: message.headers["Description"] ?? "status \(status)")
        }
        // Answers here and not on arrival: only now everything before it has been read, which is what the server asks. Other subjects are ignored, since
        // others may be able to publish to this one.
        if let flowControl = message.reply ?? message.headers["Nats-Consumer-Stalled"], flowControl.hasPrefix("$JS.FC.") {
            // If the answer is lost with a broken connection, a new consumer is made anyway.
            try? self.jetStream.connection.publish([], to: flowControl)
        }
        guard message.reply == nil else { return }
        let lastDelivery = message.headers["Nats-Last-Consumer"].flatMap { UInt64($0) }
        let action = self.state.withLock { $0.machine.heartbeat(lastDelivery: lastDelivery, generation: generation) }
        if action == .reopen { self.interrupt(generation, reason: "the last delivery is missing") }
    }

    private func interrupt(_ generation: UInt64, reason: String) {
        let action = self.state.withLock { state in
            let action = state.machine.interrupted(generation: generation)
            if action == .reopen { _ = state.machine.beginOpening() }
            return action
        }
        guard action == .reopen else { return }
        self.logger.info(
            "following the stream with a new consumer",
            metadata: [NATSLogKey.stream: "\(self.stream)", NATSLogKey.reason: "\(reason)"])
    }

    /// - Returns: false if the sequence has ended meanwhile; then the attachment is cancelled.
    private func adopt(_ attachment: Attachment) -> Bool {
        let isEnded = self.state.withLock { state in
            if !state.isEnded { state.attachment = attachment }
            return state.isEnded
        }
        if isEnded { self.detach(attachment) }
        return !isEnded
    }

    /// Unsubscribes and tells the server to delete the consumer. If that message does not arrive, the server deletes it after the inactive threshold.
    private func retireConsumer() {
        let (attachment, name) = self.state.withLock { state in
            defer {
                state.attachment = nil
                state.serverConsumer = nil
            }
            return (state.attachment, state.serverConsumer)
        }
        if let attachment { self.detach(attachment) }
        guard let name else { return }
        try? self.jetStream.connection.publish(
            [], to: "\(self.jetStream.prefix).CONSUMER.DELETE.\(self.stream).\(name)",
            reply: self.jetStream.connection.requests.nobody)
    }

    private func detach(_ attachment: Attachment) {
        self.jetStream.connection.detach(attachment)
        attachment.cancel()
    }

    private var logger: Logger { self.jetStream.connection.logger }
}
