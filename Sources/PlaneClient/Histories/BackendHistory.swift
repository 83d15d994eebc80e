import NATS
package import PlaneProtocol

/// The states of one backend, from the first one that is kept, in the order of their reports; optionally followed by those that are still to come.
///
/// A followed history ends after the state in which the backend has ended, because nothing follows that. For one reader.
package struct BackendHistory: AsyncSequence, Sendable {
    package typealias Element = BackendStateMessage
    package typealias Failure = PlaneError

    fileprivate let messages: StreamEntries<BackendStateMessage>
    fileprivate let follows: Bool

    /// Whether no state was known at the beginning.
    package var isEmpty: Bool { self.messages.isEmpty }

    package struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate var messages: StreamEntries<BackendStateMessage>.AsyncIterator
        fileprivate let follows: Bool
        fileprivate var hasEnded = false

        package mutating func next() async throws(PlaneError) -> BackendStateMessage? { try await self.next(isolation: #isolation) }

        /// - Throws: `connectionEnded` or `cancelled` if a followed history is interrupted.
        package mutating func next(isolation actor: isolated (any Actor)?) async throws(PlaneError) -> BackendStateMessage? {
            guard !self.hasEnded else { return nil }
            guard let stored = await self.messages.next(isolation: actor) else {
                guard self.follows else { return nil }
                throw Task.isCancelled ? .cancelled : .connectionEnded
            }
            if self.follows, stored.message.state.isTerminal { self.hasEnded = true }
            return stored.message
        }
    }

    package func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(messages: self.messages.makeAsyncIterator(), follows: self.follows)
    }
}

extension PlaneClient {
    /// Reads the history of a backend.
    /// - Parameter follows: whether to wait for later states until the backend has ended. This also waits for a backend that is not known yet.
    package func history(of backend: BackendID, follows: Bool) async throws(PlaneError) -> BackendHistory {
        BackendHistory(
            messages: try await self.stored(
                BackendStateMessage.self, in: HistoryStream.statuses, subject: BackendStateMessage.subject(backend: backend),
                follows: follows),
            follows: follows)
    }

    /// The states of a backend that are kept, for callers who ask often: they are read one by one, each with a request that costs the server little. A
    /// consumer, which reads a long history sooner, costs it a thousand times as much.
    package func keptStates(
        of backend: BackendID, adding add: (BackendStateMessage, inout [BackendStateMessage]) -> Void = { $1.append($0) }
    ) async throws(PlaneError) -> [BackendStateMessage] {
        let subject = BackendStateMessage.subject(backend: backend)
        var states: [BackendStateMessage] = []
        do throws(NATSError) {
            var next: UInt64 = 1
            for _ in 0..<Self.usualHistory {
                guard let message = try await self.jetStream.nextMessage(stream: HistoryStream.statuses, subject: subject, from: next) else { return states }
                if let state = try? WireCodec.decode(BackendStateMessage.self, from: message.payload, subject: subject) { add(state, &states) }
                next = message.sequence + 1
            }
        } catch {
            throw PlaneError(error)
        }
        states = []
        for try await state in try await self.history(of: backend, follows: false) { add(state, &states) }
        return states
    }

    /// How many states of a backend are read one by one. It has about six, and each may come twice.
    private static let usualHistory = 50

    /// The newest state of a backend, or nil if none is known.
    package func newestState(of backend: BackendID) async throws(PlaneError) -> BackendStateMessage? {
        let subject = BackendStateMessage.subject(backend: backend)
        do throws(NATSError) {
            guard let message = try await self.jetStream.lastMessage(stream: HistoryStream.statuses, subject: subject) else { return nil }
            return try? WireCodec.decode(BackendStateMessage.self, from: message.payload, subject: subject)
        } catch {
            throw PlaneError(error)
        }
    }

    /// The states of all backends from now on.
    package func newStates() async throws(PlaneError) -> StreamEntries<BackendStateMessage> {
        try await self.stored(BackendStateMessage.self, in: HistoryStream.statuses, from: .new, follows: true)
    }

    /// Waits until a backend has ended.
    /// - Returns: the state in which it has ended.
    package func waitUntilEnded(_ backend: BackendID) async throws(PlaneError) -> BackendStateMessage {
        for try await message in try await self.history(of: backend, follows: true) where message.state.isTerminal { return message }
        throw .connectionEnded
    }
}
