import Logging
import LogKeys
import NATS
import PlaneClient
import PlaneMessaging
import PlaneProtocol
import PlaneService
import Synchronization

/// Gets the statuses that a subscription is for.
protocol StatusReceiver: AnyObject, Sendable {
    /// Called with one event after the other, on any thread; must not block.
    func receive(_ event: StatusHub.Event)
    /// The process is to end.
    func end()
}

/// Receives every status that is published, through one reader of the stream, and passes it to the event streams that wait for it.
///
/// After a lost connection the reader continues where it was, so nothing is missed. Statuses from before a subscription are read from the stream.
final class StatusHub: Sendable {
    enum Event: Sendable {
        case message(BackendStateMessage)
        /// There was nothing to send for a while.
        case tick
    }

    /// Ends what it stands for when it is released.
    final class Subscription: Sendable {
        private let end: @Sendable () -> Void

        init(_ end: @escaping @Sendable () -> Void) { self.end = end }

        deinit { self.end() }
    }

    /// The events for one waiting client. They end when the process is to end, or when the buffer is full because the client reads too slowly.
    struct Feed: Sendable {
        let events: AsyncStream<Event>
        fileprivate let subscription: Subscription
    }

    /// Buffers events for a task.
    private final class FeedReceiver: StatusReceiver {
        private let continuation: AsyncStream<Event>.Continuation

        init(_ continuation: AsyncStream<Event>.Continuation) { self.continuation = continuation }

        func receive(_ event: Event) {
            // A reader that is too far behind has missed a status, so its stream is ended and it has to connect again.
            if case .dropped = self.continuation.yield(event), case .message = event { self.continuation.finish() }
        }

        func end() { self.continuation.finish() }
    }

    private struct Listener {
        let receiver: any StatusReceiver
        /// In which second of the period its keep-alive is sent, so that not all are sent at once.
        let second: UInt64
    }

    private struct State {
        var isFollowing = false
        var isOver = false
        var nextTicket: UInt64 = 0
        var backends: [BackendID: [UInt64: Listener]] = [:]
        var clusters: [ClusterName: [UInt64: Listener]] = [:]
        var waiting: [UInt64: AsyncStream<Void>.Continuation] = [:]
    }

    private let client: PlaneClient
    private let logger: Logger
    private let state = Mutex(State())

    /// Seconds of silence after which a comment is written.
    static let keepAliveSeconds: UInt64 = 15
    /// How many events of a cluster may wait for a slow reader. Beyond that its stream ends, and the reader connects again.
    private static let clusterBuffer = 1000
    /// More than the statuses of one backend, each of which comes twice at most, when a scheduler repeats it.
    static let backendBuffer = 64

    init(client: PlaneClient, logger: Logger) {
        self.client = client
        self.logger = logger
    }

    /// The number of subscriptions.
    var count: Int { self.state.withLock { $0.backends.values.reduce(0) { $0 + $1.count } + $0.clusters.values.reduce(0) { $0 + $1.count } } }

    /// Whether the process is to end.
    var isOver: Bool { self.state.withLock { $0.isOver } }

    // MARK: Waiting

    func events(of backend: BackendID) -> Feed {
        let (events, continuation) = AsyncStream.makeStream(of: Event.self, bufferingPolicy: .bufferingOldest(Self.backendBuffer))
        return Feed(events: events, subscription: self.subscribe(to: backend, FeedReceiver(continuation)))
    }

    func events(of cluster: ClusterName) -> Feed {
        let (events, continuation) = AsyncStream.makeStream(of: Event.self, bufferingPolicy: .bufferingOldest(Self.clusterBuffer))
        let subscription = self.subscribe(FeedReceiver(continuation)) {
            $0.clusters[cluster, default: [:]][$1] = $2
        } remove: { state, ticket in
            state.clusters[cluster]?[ticket] = nil
            if state.clusters[cluster]?.isEmpty == true { state.clusters[cluster] = nil }
        }
        return Feed(events: events, subscription: subscription)
    }

    /// Tells a receiver of a backend's statuses until the subscription is released.
    func subscribe(to backend: BackendID, _ receiver: any StatusReceiver) -> Subscription {
        self.subscribe(receiver) {
            $0.backends[backend, default: [:]][$1] = $2
        } remove: { state, ticket in
            state.backends[backend]?[ticket] = nil
            if state.backends[backend]?.isEmpty == true { state.backends[backend] = nil }
        }
    }

    private func subscribe(
        _ receiver: any StatusReceiver, add: (inout State, UInt64, Listener) -> Void, remove: @escaping @Sendable (inout State, UInt64) -> Void
    ) -> Subscription {
        let ticket: UInt64? = self.state.withLock { state in
            guard !state.isOver else { return nil }
            defer { state.nextTicket += 1 }
            add(&state, state.nextTicket, Listener(receiver: receiver, second: state.nextTicket % Self.keepAliveSeconds))
            return state.nextTicket
        }
        guard let ticket else {
            receiver.end()
            return Subscription {}
        }
        return Subscription { [weak self] in self?.state.withLock { remove(&$0, ticket) } }
    }

    /// Returns when the reader is following the stream, so that every later status is received, or when the task is cancelled.
    func waitUntilFollowing() async {
        let (wakes, signal) = AsyncStream.makeStream(of: Void.self)
        let ticket: UInt64? = self.state.withLock { state in
            guard !state.isFollowing else { return nil }
            defer { state.nextTicket += 1 }
            state.waiting[state.nextTicket] = signal
            return state.nextTicket
        }
        guard let ticket else { return }
        for await _ in wakes {}
        self.state.withLock { $0.waiting[ticket] = nil }
    }

    // MARK: Hearing

    /// Follows the stream until the task is cancelled or the connection is closed.
    func run(_ observer: @escaping @Sendable (BackendStateMessage) -> Void) async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.tick() }
            group.addTask { await self.follow(observer) }
        }
    }

    private func follow(_ observer: @Sendable (BackendStateMessage) -> Void) async {
        while !Task.isCancelled {
            do throws(PlaneError) {
                let messages = try await self.client.newStates()
                self.began()
                for await entry in messages {
                    observer(entry.message)
                    self.tell(entry.message)
                }
                return
            } catch {
                self.logger.debug("statuses cannot be followed yet", metadata: [LogKey.error: "\(error)"])
                await self.client.bus.connection.pause(atMost: .seconds(1))
            }
        }
    }

    private func began() {
        let waiting = self.state.withLock { state in
            state.isFollowing = true
            defer { state.waiting = [:] }
            return state.waiting.values
        }
        for signal in waiting { signal.finish() }
    }

    private func tell(_ message: BackendStateMessage) {
        let listeners = self.state.withLock { state in
            (state.backends[message.backend].map { Array($0.values) } ?? []) + (state.clusters[message.cluster].map { Array($0.values) } ?? [])
        }
        for listener in listeners { listener.receiver.receive(.message(message)) }
    }

    private func tick() async {
        var second: UInt64 = 0
        while !Task.isCancelled {
            // If the task is cancelled during the sleep, the loop ends.
            try? await Task.sleep(for: .seconds(1))
            let current = second
            let listeners = self.state.withLock { state in
                (Array(state.backends.values) + Array(state.clusters.values)).flatMap { $0.values.filter { $0.second == current } }
            }
            for listener in listeners { listener.receiver.receive(.tick) }
            second = (second + 1) % Self.keepAliveSeconds
        }
    }

    /// Ends all subscriptions, and later ones at once.
    func end() {
        let (listeners, waiting) = self.state.withLock { state in
            state.isOver = true
            defer { (state.backends, state.clusters, state.waiting) = ([:], [:], [:]) }
            return ((Array(state.backends.values) + Array(state.clusters.values)).flatMap { $0.values }, Array(state.waiting.values))
        }
        for listener in listeners { listener.receiver.end() }
        for signal in waiting { signal.finish() }
    }
}
