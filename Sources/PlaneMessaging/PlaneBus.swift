package import Logging
package import NATS
package import PlaneProtocol

/// Typed messages over NATS.
package struct PlaneBus: Sendable {
    package let connection: NATSConnection
    package let logger: Logger
    package let replySubjects: ReplySubjects

    /// How long a request waits for its answer unless the caller says otherwise; clients of Plane 0.3.24 wait as long.
    package static let requestTimeout: Duration = .seconds(10)

    /// - Parameter replySubjects: the subjects to which the process may send answers to requests.
    package init(connection: NATSConnection, replySubjects: ReplySubjects = ReplySubjects(), logger: Logger) {
        self.connection = connection
        self.replySubjects = replySubjects
        self.logger = logger
    }

    /// Sends a request and returns the answer of whoever answers first. The server's acknowledgement for a stream that stores the request as
    /// well, such as an operator's for auditing, does not count as an answer.
    package func request<Request: PlaneRequest>(
        _ request: Request, timeout: Duration = PlaneBus.requestTimeout
    ) async throws(BusRequestError) -> Request.Reply {
        try await self.requestWithReason(request, timeout: timeout).reply
    }

    /// Sends a request as ``request(_:timeout:)`` does. Replies without a field for a reason may have it in a header; it is returned as well.
    package func requestWithReason<Request: PlaneRequest>(
        _ request: Request, timeout: Duration = PlaneBus.requestTimeout
    ) async throws(BusRequestError) -> (reply: Request.Reply, reason: ErrorReply?) {
        let answer: NATSMessage
        do {
            answer = try await self.connection.request(
                WireCodec.encode(request), to: request.subject, timeout: timeout, awaiting: .anythingButAcknowledgement)
        } catch {
            throw .transport(error)
        }
        return try Self.read(answer, to: Request.self)
    }

    /// What a request without a wait is answered with: the reply, the reason that may stand beside it, and all that does.
    package typealias Answer<Request: PlaneRequest> = (reply: Request.Reply, reason: ErrorReply?, headers: NATSHeaders)

    /// Sends a request without waiting for its answer, which is told to `handler` once; see `NATSConnection.request`.
    package func request<Request: PlaneRequest>(
        _ request: Request, timeout: Duration, handler: @escaping @Sendable (Result<Answer<Request>, BusRequestError>) -> Void
    ) {
        self.connection.request(
            WireCodec.encode(request), to: request.subject, timeout: timeout, awaiting: .anythingButAcknowledgement
        ) { answer in
            handler(
                answer.mapError { .transport($0) }.flatMap { message in
                    Result { () throws(BusRequestError) -> Answer<Request> in
                        let (reply, reason) = try Self.read(message, to: Request.self)
                        return (reply, reason, message.headers)
                    }
                })
        }
    }

    private static func read<Request: PlaneRequest>(
        _ answer: NATSMessage, to _: Request.Type
    ) throws(BusRequestError) -> (reply: Request.Reply, reason: ErrorReply?) {
        do {
            let reply = try WireCodec.decodeReply(to: Request.self, from: answer.payload)
            return (reply, answer.headers[ErrorReply.headerName].flatMap { ErrorReply(headerValue: $0) })
        } catch {
            switch error {
            case .refused(let reply): throw .refused(reply)
            case .unreadable(let error): throw .unreadable(error)
            }
        }
    }

    /// Sends a message that nobody answers.
    package func publish(_ message: some PlaneMessage) throws(NATSError) {
        try self.connection.publish(WireCodec.encode(message), to: message.subject)
    }

    /// Begins to receive the messages of a kind; they are buffered until they are read.
    /// - Parameters:
    ///   - subject: the subjects to listen to; the default covers those of all clusters.
    ///   - queue: each message goes to one of the processes that give the same name; nil gives this process every message.
    package func subscribe<Message: PlaneMessage>(
        to _: Message.Type, on subject: String = Message.subscription, queue: String? = nil
    ) throws(NATSError) -> MessageSubscription<Message> {
        MessageSubscription(
            try self.connection.subscribe(subject, queue: queue),
            answerer: Answerer(connection: self.connection, replySubjects: self.replySubjects, logger: self.logger), logger: self.logger)
    }

    /// Answers the requests of a kind until the process is asked to end; see `MessageSubscription.serve`.
    package func serve<Request: PlaneRequest>(
        _: Request.Type, on subject: String = Request.subscription, queue: String? = nil, maxConcurrent: Int,
        handler: @escaping @Sendable (Request) async -> Result<Request.Reply, ErrorReply>?
    ) async throws(NATSError) {
        try await self.subscribe(to: Request.self, on: subject, queue: queue).serve(maxConcurrent: maxConcurrent, handler: handler)
    }
}
