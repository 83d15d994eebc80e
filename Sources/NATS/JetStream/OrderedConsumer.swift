/// The messages of a stream, each once and in order, for one reader, for as long as the reader wants.
///
/// The sequence survives a restart of the server, a lost consumer, lost messages, and a stream that is deleted and made again (see
/// `StreamMessage.streamIncarnation`): it continues after the last message that the reader got. It ends when it is cancelled, when the connection is closed,
/// or when the reading task is cancelled. Its consumer on the server is deleted when no reference to it is left, and by the server itself if the process is
/// gone.
package final class OrderedConsumer: AsyncSequence, Sendable {
    package typealias Element = StreamMessage
    package typealias Failure = Never

    package struct AsyncIterator: AsyncIteratorProtocol {
        /// Keeps the consumer in `for await message in try await jetStream.orderedConsumer(…)`.
        fileprivate let consumer: OrderedConsumer

        package mutating func next() async -> StreamMessage? { await self.consumer.driver.next() }

        package mutating func next(isolation actor: isolated (any Actor)?) async -> StreamMessage? {
            await self.consumer.driver.next()
        }
    }

    /// Messages in the stream when the consumer was made; 0 means that the reader has caught up already.
    package let initialPending: UInt64
    private let driver: OrderedConsumerDriver

    init(driver: OrderedConsumerDriver, initialPending: UInt64) {
        self.driver = driver
        self.initialPending = initialPending
    }

    deinit { self.driver.end() }

    /// Whether everything has been read up to a few seconds ago: the consumer exists, and the server was heard within the silence limit.
    package var isCurrent: Bool { self.driver.isCurrent }

    /// Which stream it reads, among all that have had this name. Right after a message was read, the one that the message is of.
    package var streamIdentity: StreamIdentity { self.driver.identity }

    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(consumer: self) }

    /// Ends the sequence and deletes the consumer.
    package func cancel() { self.driver.end() }
}

extension JetStream {
    /// Reads a stream in order.
    /// - Parameter filter: only messages of this subject, which may have wildcards.
    /// - Throws: when the consumer cannot be made now, for instance because there is no such stream.
    package func orderedConsumer(
        stream: String, filter: String? = nil, from start: OrderedConsumerStart,
        timing: OrderedConsumerTiming = OrderedConsumerTiming()
    ) async throws(NATSError) -> OrderedConsumer {
        let stream = try Self.checked(stream, attempt: "CONSUMER.CREATE")
        let driver = OrderedConsumerDriver(
            jetStream: self, stream: stream, filter: filter, start: start, timing: timing)
        do throws(NATSError) {
            return OrderedConsumer(driver: driver, initialPending: try await driver.open())
        } catch {
            driver.end()
            throw error
        }
    }
}
