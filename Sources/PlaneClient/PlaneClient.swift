package import Logging
package import NATS
package import PlaneMessaging
package import PlaneProtocol

/// What applications, operators' tools and gateways can ask of a running system, over one connection to NATS.
///
/// Holds no state, so one client serves any number of tasks at once. Every call ends when its task is cancelled, throws `PlaneError`, and prints and logs
/// nothing: what happened is in the result or the error. What many callers ask again and again is answered from memory by a `StateMirror`, which one task of
/// the process keeps up to date.
package struct PlaneClient: Sendable {
    package let bus: PlaneBus

    /// - Parameter bus: has its own reply subjects, and its own logger for messages that cannot be read.
    package init(bus: PlaneBus) { self.bus = bus }

    package init(connection: NATSConnection, logger: Logger) {
        self.init(bus: PlaneBus(connection: connection, logger: logger))
    }

    var connection: NATSConnection { self.bus.connection }
    var jetStream: JetStream { self.bus.connection.jetStream }

    /// Sends a request.
    /// - Parameter responder: who is expected to answer; named in the error.
    func request<Request: PlaneRequest>(
        _ request: Request, of responder: PlaneError.Responder, limit: Duration = PlaneBus.requestTimeout
    ) async throws(PlaneError) -> (reply: Request.Reply, reason: ErrorReply?) {
        do throws(BusRequestError) {
            return try await self.bus.requestWithReason(request, timeout: limit)
        } catch {
            throw PlaneError(error, of: responder)
        }
    }

    /// The messages of one kind that are published from now on.
    /// - Parameter decode: returns nil for a message to be skipped.
    func published<Message: PlaneMessage>(
        _: Message.Type, on subject: String,
        decode: @escaping @Sendable (NATSMessage) -> Message? = { try? WireCodec.decode(Message.self, from: $0.payload, subject: $0.subject) }
    ) throws(PlaneError) -> PublishedMessages<Message> {
        do throws(NATSError) {
            return PublishedMessages(subscription: try self.connection.subscribe(subject), decode: decode)
        } catch {
            throw PlaneError(error)
        }
    }
}

/// The messages of one kind as they are published; they are buffered until they are read. A message that cannot be read, as of a newer version, is skipped.
/// Ends when the task is cancelled or the connection is closed. For one reader.
package struct PublishedMessages<Message: PlaneMessage>: AsyncSequence, Sendable {
    package typealias Element = Message
    package typealias Failure = Never

    fileprivate let subscription: NATSSubscription
    fileprivate let decode: @Sendable (NATSMessage) -> Message?

    package struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate var messages: NATSSubscription.AsyncIterator
        fileprivate let decode: @Sendable (NATSMessage) -> Message?

        package mutating func next() async -> Message? { await self.next(isolation: #isolation) }

        package mutating func next(isolation actor: isolated (any Actor)?) async -> Message? {
            while let message = await self.messages.next(isolation: actor) {
                if let decoded = self.decode(message) { return decoded }
            }
            return nil
        }
    }

    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(messages: self.subscription.makeAsyncIterator(), decode: self.decode) }
}
