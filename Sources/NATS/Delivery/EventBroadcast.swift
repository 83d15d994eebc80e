import Synchronization

/// What happened to a connection as a whole.
package enum NATSConnectionEvent: Sendable, Hashable {
    case connected
    /// The connection broke; attempts to restore it have begun and never end.
    case disconnected
    case reconnected
    /// The server refused something after the connection was made, for instance a subject we may not subscribe to.
    case refused(reason: String)
    /// A subscription could not keep up; `dropped` is its total of lost messages.
    case slowConsumer(subject: String, dropped: UInt64)
    /// Closed by this process; nothing follows.
    case closed
}

/// Passes the events of a connection to everyone who has asked for them. `.closed` is the last event.
final class EventBroadcast: Sendable {
    private struct State {
        var observers: [UInt64: @Sendable (NATSConnectionEvent) -> Void] = [:]
        var nextID: UInt64 = 0
        var isFinished = false
    }

    /// How many events are kept for a reader that does not read; the newest are kept.
    private static let bufferLimit = 64

    private let state = Mutex(State())

    /// Calls `handler` for every event from now on, on the thread that reports it, so it must not block. If the connection is closed already, it is called
    /// with `.closed` at once.
    func observe(_ handler: @escaping @Sendable (NATSConnectionEvent) -> Void) -> UInt64 {
        let (id, isFinished) = self.state.withLock { state in
            state.nextID += 1
            if !state.isFinished { state.observers[state.nextID] = handler }
            return (state.nextID, state.isFinished)
        }
        if isFinished { handler(.closed) }
        return id
    }

    func stopObserving(_ id: UInt64) {
        _ = self.state.withLock { $0.observers.removeValue(forKey: id) }
    }

    /// Events from now on, as a sequence that ends after `.closed`.
    func stream() -> AsyncStream<NATSConnectionEvent> {
        AsyncStream(bufferingPolicy: .bufferingNewest(Self.bufferLimit)) { continuation in
            let id = self.observe { event in
                continuation.yield(event)
                if event == .closed { continuation.finish() }
            }
            continuation.onTermination = { [weak self] _ in self?.stopObserving(id) }
        }
    }

    func send(_ event: NATSConnectionEvent) {
        let observers = self.state.withLock { state -> [UInt64: @Sendable (NATSConnectionEvent) -> Void] in
            if state.isFinished { return [:] }
            guard event == .closed else { return state.observers }
            state.isFinished = true
            defer { state.observers = [:] }
            return state.observers
        }
        for observer in observers.values { observer(event) }
    }
}

/// Ends an observer of a connection's events when it is released.
package final class NATSObservation: Sendable {
    private let broadcast: EventBroadcast
    private let id: UInt64

    init(_ broadcast: EventBroadcast, _ handler: @escaping @Sendable (NATSConnectionEvent) -> Void) {
        self.broadcast = broadcast
        self.id = broadcast.observe(handler)
    }

    deinit { self.broadcast.stopObserving(self.id) }
}
