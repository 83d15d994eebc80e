import NATS
package import PlaneProtocol
import StateReplication

/// A message of a stream, with the time when it was stored.
package struct StreamEntry<Message: PlaneMessage>: Sendable {
    package var message: Message
    package var sequence: UInt64
    /// When the stream stored it, by the NATS server's clock.
    package var published: WireTime
}

/// The messages of one kind that a stream keeps, in order, and later ones if they are wanted. A message that cannot be read, as of a newer version, is
/// skipped. Ends when the task is cancelled or the connection is closed. For one reader.
package struct StreamEntries<Message: PlaneMessage>: AsyncSequence, Sendable {
    package typealias Element = StreamEntry<Message>
    package typealias Failure = Never

    fileprivate let consumer: OrderedConsumer
    fileprivate let follows: Bool
    fileprivate let decode: @Sendable (StreamMessage) -> Message?

    /// Whether the stream held nothing of this kind at the beginning.
    package var isEmpty: Bool { self.consumer.initialPending == 0 }

    package struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate var messages: OrderedConsumer.AsyncIterator
        fileprivate let follows: Bool
        fileprivate let decode: @Sendable (StreamMessage) -> Message?
        fileprivate var hasEnded: Bool

        package mutating func next() async -> Element? { await self.next(isolation: #isolation) }

        package mutating func next(isolation actor: isolated (any Actor)?) async -> Element? {
            while !self.hasEnded, let stored = await self.messages.next(isolation: actor) {
                if !self.follows, stored.pending == 0 { self.hasEnded = true }
                guard let message = self.decode(stored) else { continue }
                return Element(message: message, sequence: stored.sequence, published: WireTime(stored.published))
            }
            return nil
        }
    }

    package func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(
            messages: self.consumer.makeAsyncIterator(), follows: self.follows, decode: self.decode, hasEnded: self.isEmpty && !self.follows)
    }
}

extension PlaneClient {
    /// - Parameters:
    ///   - subject: nil for all subjects of the stream.
    ///   - follows: whether to continue with messages that are stored later.
    ///   - decode: returns nil for a message to be skipped.
    func stored<Message: PlaneMessage>(
        _: Message.Type, in stream: String, subject: String? = nil, from start: OrderedConsumerStart = .first, follows: Bool,
        decode: @escaping @Sendable (StreamMessage) -> Message? = { try? WireCodec.decode(Message.self, from: $0.payload, subject: $0.subject) }
    ) async throws(PlaneError) -> StreamEntries<Message> {
        do throws(NATSError) {
            return StreamEntries(
                consumer: try await self.jetStream.orderedConsumer(stream: stream, filter: subject, from: start), follows: follows, decode: decode)
        } catch {
            throw PlaneError(error)
        }
    }
}

/// The streams that a client reads in addition to the state.
package enum HistoryStream {
    package static let statuses = "backend_status"
    package static let logs = "backend_logs"
}
