package import Logging
import Synchronization

/// A connection to a NATS cluster, used by the whole process. When it breaks, attempts to restore it never end, and all subscriptions are made again. It is
/// closed by `drain`, or when the last reference is released.
///
/// No call blocks a thread of the cooperative pool: calls that wait for the server either suspend the task (requests, subscriptions) or run on a queue of
/// their own (connect, flush, close). Publishing writes to the socket at once. Only a server that does not read can delay it, by `NATSOptions.writeDeadline`
/// at most. While libnats makes the connection anew nothing is given to it.
package final class NATSConnection: Sendable {
    enum Link {
        case connecting
        case open(NativeConnection)
        /// The library has given the connection up, because the server refused the credentials; `reopening` makes a new one.
        case reopening(Task<Void, Never>?)
        case closed
    }

    struct State {
        var link = Link.connecting
        var isConnected = false
        /// What is to be done when the library has restored the connection.
        var afterwards = Afterwards()
        /// Tells the events of the current `NativeConnection` from those of an earlier one.
        var generation = 0
        var attachments: [UInt64: Attachment] = [:]
        var sinks: [UInt64: any MessageSink] = [:]
        var nextID: UInt64 = 0
    }

    /// Subscriptions and messages from the time in which the library connects anew. It would keep messages itself, but whoever gives it one waits for the
    /// present attempt, which a silent server holds up.
    struct Afterwards {
        struct Message {
            var payload: [UInt8]
            var subject: String
            var headers: NATSHeaders
            var reply: String?
        }

        var attachments: [Attachment] = []
        private(set) var messages: [Message] = []
        private var byteCount = 0
        var isEmpty: Bool { self.attachments.isEmpty && self.messages.isEmpty }

        /// - Returns: false if there is no room for it.
        mutating func keep(_ message: Message, limit: Int) -> Bool {
            let size = message.payload.count + message.subject.utf8.count
            guard self.byteCount + size <= limit else { return false }
            self.byteCount += size
            self.messages.append(message)
            return true
        }
    }

    package let options: NATSOptions
    let logger: Logger
    let requests: RequestTable
    let broadcast = EventBroadcast()
    let state = Mutex(State())

    private init(_ options: NATSOptions, logger: Logger) {
        self.options = options
        self.logger = logger
        self.requests = RequestTable(inbox: "\(options.inboxPrefix).\(NATSUnique.token())")
    }

    deinit {
        let (link, sinks) = self.state.withLock { ($0.link, $0.sinks) }
        if case .reopening(let task) = link { task?.cancel() }
        for sink in sinks.values { sink.connectionClosed() }
        self.broadcast.send(.closed)
    }

    /// Connects to one of the servers, with up to `options.initialAttempts` attempts.
    /// - Throws: at once for errors that cannot pass by themselves (wrong credentials, unusable options), otherwise the last error.
    package static func connect(_ options: NATSOptions, logger: Logger) async throws(NATSError) -> NATSConnection {
        let connection = NATSConnection(options, logger: logger)
        try await connection.open()
        return connection
    }

    /// A connection that ``open()`` makes later. Until then subscriptions wait for it, and what is published or requested fails with
    /// `.notConnected`.
    package static func unopened(_ options: NATSOptions, logger: Logger) -> NATSConnection { NATSConnection(options, logger: logger) }

    /// Whether the connection works at this moment, as far as libnats has reported.
    package var isConnected: Bool { self.state.withLock { $0.isConnected } }

    /// The events of the connection from now on. Each access returns a stream of its own.
    package var events: AsyncStream<NATSConnectionEvent> { self.broadcast.stream() }

    /// Calls `handler` for every event until the returned observation is released, on the thread that reports it and before anything else is reported, so it
    /// must not block.
    package func observe(_ handler: @escaping @Sendable (NATSConnectionEvent) -> Void) -> NATSObservation {
        NATSObservation(self.broadcast, handler)
    }

    /// Returns after `duration`, when the connection is restored, or when the task is cancelled. For the pause between two attempts at something that fails
    /// while the connection is down.
    package func pause(atMost duration: Duration) async {
        let events = self.events
        await withTaskGroup { group in
            group.addTask {
                // This task is cancelled with the group.
                try? await Task.sleep(for: duration)
            }
            group.addTask {
                for await event in events where event == .reconnected { return }
            }
            await group.next()
            group.cancelAll()
        }
    }

    package var jetStream: JetStream { JetStream(connection: self) }

    /// A new subject for messages to this process only.
    package func newInbox() -> String { "\(self.options.inboxPrefix).\(NATSUnique.token())" }

    /// Sends one message. While the connection is being restored it is kept, up to `reconnectBufferBytes`.
    package func publish(
        _ payload: [UInt8], to subject: String, headers: NATSHeaders = .empty, reply: String? = nil
    ) throws(NATSError) {
        guard NATSSubject.isPublishable(subject), reply.map(NATSSubject.isPublishable) ?? true else {
            throw NATSError(
                .invalidSubject, attempt: "publish to \(subject)",
                hint: "a subject consists of tokens without spaces or wildcards, divided by single dots")
        }
        guard headers.areWellFormed else {
            throw NATSError(
                .invalidSubject, attempt: "publish to \(subject)", hint: "a header holds a line break or its name a colon")
        }
        guard payload.count <= Self.payloadLimitBytes else {
            throw NATSError(.payloadTooLarge, attempt: "publish \(payload.count) bytes to \(subject)")
        }
        let native: NativeConnection? = try self.state.withLock { (state) throws(NATSError) -> NativeConnection? in
            switch state.link {
            case .open(let native):
                if state.isConnected { return native }
                let message = Afterwards.Message(payload: payload, subject: subject, headers: headers, reply: reply)
                guard state.afterwards.keep(message, limit: self.options.reconnectBufferBytes) else {
                    throw NATSError(.notConnected, attempt: "publish to \(subject)")
                }
                return nil
            case .connecting, .reopening: throw NATSError(.notConnected, attempt: "publish to \(subject)")
            case .closed: throw NATSError(.closed, attempt: "publish to \(subject)")
            }
        }
        try native?.publish(payload, to: subject, headers: headers, reply: reply)
    }

    /// Sends a message and waits for the first answer. Suspends only the task; thousands may be in flight.
    /// - Parameter answer: which message counts as an answer.
    /// - Throws: `.noResponders` at once when nobody listens, `.timedOut`, `.disconnected` when the connection breaks meanwhile, `.cancelled` with the task.
    package func request(
        _ payload: [UInt8], to subject: String, headers: NATSHeaders = .empty, timeout: Duration = .seconds(10),
        awaiting answer: AwaitedAnswer = .anything
    ) async throws(NATSError) -> NATSMessage {
        try await self.requests.request(to: subject, timeout: timeout, awaiting: answer, attempt: "request \(subject)") { reply throws(NATSError) in
            try self.publish(payload, to: subject, headers: headers, reply: reply)
        }
    }

    /// Sends a request without waiting. `handler` is called once, with the answer or the reason why there is none, on a thread of the library or of
    /// the deadlines; it must not block. Draining the connection does not wait for it.
    package func request(
        _ payload: [UInt8], to subject: String, headers: NATSHeaders = .empty, timeout: Duration, awaiting answer: AwaitedAnswer = .anything,
        handler: @escaping @Sendable (Result<NATSMessage, NATSError>) -> Void
    ) {
        self.requests.request(to: subject, timeout: timeout, awaiting: answer, attempt: "request \(subject)", finish: handler) { reply throws(NATSError) in
            try self.publish(payload, to: subject, headers: headers, reply: reply)
        }
    }

    /// Starts receiving the messages of a subject, which may have wildcards.
    /// - Parameters:
    ///   - queue: of all subscriptions with this name, one gets each message.
    ///   - bufferLimit: how many messages are buffered for the reader. Further ones are dropped, counted, logged and reported as an event.
    package func subscribe(
        _ subject: String, queue: String? = nil, bufferLimit: Int = 65_536
    ) throws(NATSError) -> NATSSubscription {
        let sink = SubscriptionSink(subject: subject, bufferLimit: bufferLimit) { [weak self] subject, dropped in
            self?.overflowed(subject: subject, dropped: dropped)
        }
        let attachment = try self.attach(subject, queue: queue, sink: sink)
        return NATSSubscription(attachment: attachment, sink: sink) { [weak self] in self?.detach($0) }
    }

    /// Returns when the server has read everything published so far.
    package func flush(timeout: Duration = .seconds(10)) async throws(NATSError) {
        guard case .open(let native) = self.state.withLock({ $0.link }) else {
            throw NATSError(.notConnected, attempt: "flush the NATS connection")
        }
        try await NativeConnection.blocking { () throws(NATSError) in try native.flush(timeout: timeout) }
    }

    /// The server's default for `max_payload` is 1 MiB and its maximum 64 MiB; the server's own setting is checked too.
    private static let payloadLimitBytes = 64 << 20
}
