package import PlaneProtocol
package import PlaneState
import Synchronization
import StateReplication

/// What the stream `plane_state` says, as this process knows it. A follower updates it, and any number of tasks can query it and wait for changes. It makes
/// no requests itself.
package final class StateMirror: FollowedState {
    fileprivate struct State {
        var fleet = FleetState()
        var waiters = StateWaiters()
        var isCaughtUp = false
        var incarnation: UInt64 = 0
        var heardAt: ContinuousClock.Instant?
        var schedulerClockDifference: Duration?
    }

    private let state = Mutex(State())
    private let observer: (@Sendable (FleetState) -> Void)?

    /// - Parameter observer: called with the state when everything that was there at the beginning has been applied, and then after every message and purge,
    ///   in their order. All other callers wait meanwhile.
    package init(observer: (@Sendable (FleetState) -> Void)? = nil) { self.observer = observer }

    // MARK: Asking

    /// - Parameter question: must be short, because all other callers wait meanwhile.
    package func ask<Answer>(_ question: (FleetState) -> Answer) -> Answer {
        self.state.withLock { question($0.fleet) }
    }

    /// The whole state, to be read once. If the mirror is being updated, the next message has to copy all of it; use `ask` then.
    package var snapshot: FleetState { self.ask { $0 } }

    /// How many backends are looked at while all other callers wait: some hundred microseconds.
    private static let portion = 1000

    /// Looks at all backends of a cluster, of which there may be a million, in portions, between which other callers have their turn. A backend that comes, or
    /// that is forgotten, meanwhile may be among them or not.
    ///
    /// Not by a snapshot: the next message would copy all of it, while everybody waits.
    /// - Parameter visit: called with one portion after the other; nobody waits meanwhile.
    package func visitBackends(in cluster: ClusterName, _ visit: ([BackendView]) -> Void) {
        var position: Int? = 0
        while let start = position {
            var views: [BackendView] = []
            views.reserveCapacity(Self.portion)
            position = self.ask { $0.scanBackends(in: cluster, from: start, count: Self.portion) { views.append($0) } }
            if !views.isEmpty { visit(views) }
        }
    }

    /// Whether everything that was in the stream at the beginning has been applied.
    package var isCaughtUp: Bool { self.state.withLock { $0.isCaughtUp } }

    /// Time since the last message; nil before the first one. Schedulers write one every second, so more than some seconds means that the state may be
    /// outdated, because the connection is down or no scheduler writes.
    package var silence: Duration? { self.state.withLock { state in state.heardAt.map { .now - $0 } } }

    /// The largest difference, over the last messages of all drones, between the clock of the scheduler that stamped the message and that of the NATS server
    /// that stored it right afterwards; positive if the scheduler is ahead.
    package var schedulerClockDifference: Duration? { self.state.withLock { $0.schedulerClockDifference } }

    // MARK: Waiting

    /// Returns when everything that was in the stream at the beginning has been applied, or when the task is cancelled.
    package func waitUntilCaughtUp() async {
        await self.wait(for: .caughtUp) { $0.isCaughtUp ? true : nil }
    }

    /// Waits for something about a backend.
    /// - Parameter answer: called now, and again whenever a message about the backend arrives or the stream is lost. It returns nil to continue waiting, and
    ///   gets nil for an unknown backend.
    /// - Returns: nil only when the task is cancelled.
    package func wait<Answer: Sendable>(
        for backend: BackendID, in cluster: ClusterName, _ answer: @escaping @Sendable (BackendView?) -> Answer?
    ) async -> Answer? {
        await self.wait(for: .backend(backend, cluster)) { answer($0.fleet.backend(backend, in: cluster)) }
    }

    /// Waits for something about a lock, as the method above does for a backend.
    package func wait<Answer: Sendable>(
        for lock: LockName, in cluster: ClusterName, _ answer: @escaping @Sendable (LockState) -> Answer?
    ) async -> Answer? {
        await self.wait(for: .lock(lock, cluster)) { answer($0.fleet.lock(lock, in: cluster)) }
    }

    @discardableResult
    private func wait<Answer: Sendable>(
        for condition: StateWaiters.Condition, _ answer: @Sendable (State) -> Answer?
    ) async -> Answer? {
        let (wakes, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let ticket = self.state.withLock { $0.waiters.add(condition, signal) }
        defer { self.state.withLock { $0.waiters.remove(ticket, condition) } }
        // The condition is checked after the waiter was registered, so that no change goes unnoticed.
        signal.yield()
        for await _ in wakes {
            if let found = self.state.withLock({ answer($0) }) { return found }
        }
        return nil
    }

    // MARK: Following

    package func apply(_ message: StateMessage?, sequence: UInt64, published: WireTime, incarnation: UInt64) {
        self.change { state in
            var wakes: [StateWaiters.Signal] = []
            if incarnation != state.incarnation {
                // The stream was deleted and made again, and its sequences begin with 1 again.
                state.incarnation = incarnation
                state.fleet = FleetState()
                wakes = state.waiters.everybody
            }
            if let message {
                state.fleet.apply(message, sequence: sequence, published: published)
                state.compareClocks(message, published: published)
            } else {
                state.fleet.skip(sequence: sequence)
            }
            state.heardAt = .now
            return wakes + state.waiters.whenApplied(message, fleet: state.fleet)
        }
    }

    package var backendNames: [(backend: BackendID, cluster: ClusterName)] { self.state.withLock { $0.fleet.backendNames } }

    package func began(streamAge age: Duration) {}

    package func lost() {
        self.change { state in
            state.fleet = FleetState()
            return state.waiters.everybody
        }
    }

    package func purged(_ backend: BackendID, clusterToken: String) {
        self.change { state in
            guard let cluster = state.fleet.clusterNames.first(where: { $0.subjectToken == clusterToken }) else { return [] }
            state.fleet.forget(backend, in: cluster)
            return state.waiters.everybody
        }
    }

    package func deleted(at sequence: UInt64) {
        self.change { state in
            guard let (backend, cluster) = state.fleet.backend(endedAt: sequence) else { return [] }
            state.fleet.forget(backend, in: cluster)
            return state.waiters.everybody
        }
    }

    package func caughtUp() {
        self.change { state in
            state.isCaughtUp = true
            return state.waiters.whenCaughtUp()
        }
    }

    /// The tasks to wake are collected under the lock, and woken after it is released.
    private func change(_ change: (inout State) -> [StateWaiters.Signal]) {
        let signals = self.state.withLock { state in
            let signals = change(&state)
            if let observer, state.isCaughtUp { observer(state.fleet) }
            return signals
        }
        for signal in signals { signal.yield() }
    }
}

extension StateMirror.State {
    fileprivate mutating func compareClocks(_ change: StateMessage, published: WireTime) {
        guard case .cluster(_, .drone(let message)) = change, case .keepAlive(let stamped) = message.change else { return }
        let difference = stamped.since(published.stateTime)
        let largest = self.schedulerClockDifference ?? .zero
        if max(difference, .zero - difference) >= max(largest, .zero - largest) { self.schedulerClockDifference = difference }
    }
}
