/// The messages of one subject, for one reader. The sequence ends when it is cancelled or drained, when the connection is, or when the reading task is
/// cancelled; a broken connection does not end it. Unsubscribes when the last reference is released.
package final class NATSSubscription: AsyncSequence, Sendable {
    package typealias Element = NATSMessage
    package typealias Failure = Never

    package struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let reading: Reading

        package mutating func next() async -> NATSMessage? { await self.reading.next() }

        package mutating func next(isolation actor: isolated (any Actor)?) async -> NATSMessage? {
            await self.reading.next()
        }
    }

    /// One loop over the messages, from its beginning to its end.
    fileprivate final class Reading: Sendable {
        /// Keeps the subscription in `for await message in try connection.subscribe(…)`.
        private let subscription: NATSSubscription

        init(_ subscription: NATSSubscription) {
            self.subscription = subscription
            subscription.sink.buffer.readerCame()
        }

        deinit { self.subscription.sink.buffer.readerLeft() }

        func next() async -> NATSMessage? { await self.subscription.sink.buffer.next() }
    }

    private let attachment: Attachment
    private let sink: SubscriptionSink
    private let detach: @Sendable (Attachment) -> Void

    init(attachment: Attachment, sink: SubscriptionSink, detach: @escaping @Sendable (Attachment) -> Void) {
        self.attachment = attachment
        self.sink = sink
        self.detach = detach
    }

    deinit { self.cancel() }

    package var subject: String { self.attachment.subject }

    /// Messages lost because the reader did not keep up, since the beginning.
    package var droppedMessages: UInt64 { self.sink.buffer.dropped + self.attachment.dropped }

    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(reading: Reading(self)) }

    /// Unsubscribes now; buffered messages can still be read.
    package func cancel() {
        self.detach(self.attachment)
        self.attachment.cancel()
        self.sink.buffer.finish()
    }

    /// Unsubscribes, lets messages that the server has already sent arrive, and then ends the sequence.
    /// - Parameter timeout: how long the library waits for the server.
    package func drain(timeout: Duration = .seconds(5)) {
        self.sink.beginDraining()
        self.attachment.drain(timeout: timeout)
    }
}
