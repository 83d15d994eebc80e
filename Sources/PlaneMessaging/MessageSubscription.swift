import Logging
package import NATS
package import PlaneProtocol
import LogKeys
import PlaneService
import ServiceLifecycle

/// The messages of one kind as they arrive, for one reader.
///
/// What cannot be read is never passed over in silence: it is logged, and whoever waits for an answer is told what is wrong. What a stream delivers is
/// passed over, because nobody says it: commands, reports and requests come from whoever may publish them.
package struct MessageSubscription<Message: PlaneMessage>: Sendable {
    private let subscription: NATSSubscription
    private let answerer: Answerer
    private let deliveries = StreamDeliveries()
    private let logger: Logger

    init(_ subscription: NATSSubscription, answerer: Answerer, logger: Logger) {
        self.subscription = subscription
        self.answerer = answerer
        self.logger = logger
    }

    /// Hands over each message, by default one after the other, until the process is to end or the connection is closed; then what has
    /// arrived is still handed over.
    /// - Parameter maxConcurrent: how many calls run at the same time; further messages wait in the subscription's buffer.
    package func forEach(maxConcurrent: Int = 1, _ body: @escaping @Sendable (Message) async -> Void) async {
        await self.consume(maxConcurrent: maxConcurrent) { _, decoded in await body(decoded) }
    }

    /// Answers each message in the same way. The result nil sends no answer; a message without a reply subject, or with one that is no
    /// inbox, is carried out like any other.
    package func serve(
        maxConcurrent: Int, handler: @escaping @Sendable (Message) async -> Result<Message.Reply, ErrorReply>?
    ) async where Message: PlaneRequest {
        await self.consume(maxConcurrent: maxConcurrent) { message, request in
            switch await handler(request) {
            case .success(let reply)?: self.answerer.answer(message, reply)
            case .failure(let reply)?: self.answerer.answer(message, reply)
            case nil: break
            }
        }
    }

    /// Like `serve`, with a reason beside a reply that has no place for one.
    package func serveWithReasons(
        maxConcurrent: Int, handler: @escaping @Sendable (Message) async -> (reply: Message.Reply, reason: ErrorReply?)
    ) async where Message: PlaneRequest {
        await self.consume(maxConcurrent: maxConcurrent) { message, request in
            let (reply, reason) = await handler(request)
            self.answerer.answer(message, reply, reason.map { [ErrorReply.headerName: $0.headerValue] } ?? .empty)
        }
    }

    /// Like `serve`, with headers beside the reply.
    package func serveWithHeaders(
        maxConcurrent: Int, handler: @escaping @Sendable (Message) async -> (reply: Message.Reply, headers: NATSHeaders)
    ) async where Message: PlaneRequest {
        await self.consume(maxConcurrent: maxConcurrent) { message, request in
            let (reply, headers) = await handler(request)
            self.answerer.answer(message, reply, headers)
        }
    }

    private func consume(maxConcurrent: Int, _ body: @escaping @Sendable (NATSMessage, Message) async -> Void) async {
        let places = AsyncSemaphore(maxConcurrent)
        await withGracefulShutdownHandler {
            // A discarding group, because any other keeps what a finished call occupied until somebody asks for its result.
            await withDiscardingTaskGroup { group in
                for await message in self.subscription {
                    guard let decoded = self.decode(message) else { continue }
                    await places.take()
                    group.addTask {
                        await body(message, decoded)
                        places.giveBack()
                    }
                }
            }
        } onGracefulShutdown: {
            self.subscription.drain()
        }
    }

    private func decode(_ message: NATSMessage) -> Message? {
        guard !message.isDeliveredByStream else {
            self.deliveries.tell(of: message, self.logger)
            return nil
        }
        do {
            return try WireCodec.decode(Message.self, from: message.payload, subject: message.subject)
        } catch {
            self.logger.warning(
                "message cannot be read", metadata: [LogKey.subject: "\(message.subject)", LogKey.error: "\(error)"])
            self.answerer.answer(message, error.reply)
            return nil
        }
    }
}
