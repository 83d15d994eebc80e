package import PlaneProtocol
package import PlaneState
import Synchronization
import StateReplication

/// What the stream `plane_state` says, as this process knows it: fed by a follower, asked and awaited by any number of tasks at once, and
/// asking nobody itself.
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

    /// - Parameter observer: is given the state when all that was there at the beginning has been applied, and after every message and purge
    ///   from then on; in their order, while everybody else waits.
    package init(observer: (@Sendable (FleetState) -> Void)? = nil) { self.observer = observer }

    // MARK: Asking

    /// - Parameter question: short, because everybody waits for it.
    package func ask<Answer>(_ question: (FleetState) -> Answer) -> Answer {
        self.state.withLock { question($0.fleet) }
    }

    /// All of it, for who reads it once. Where it is followed, the next message copies what is held here: use `ask`.
    package var snapshot: FleetState { self.ask { $0 } }

    /// Whether everything that was in the stream at the beginning has been applied.
    package var isCaughtUp: Bool { self.state.withLock { $0.isCaughtUp } }

    /// Time since the last message, or nil before the first one. Schedulers write one a second: longer than some seconds means that what is
    /// known may be past, because the connection is down or no scheduler writes.
    package var silence: Duration? { self.state.withLock { state in state.heardAt.map { .now - $0 } } }

    /// Of all drones' last signs of life, the largest difference between the clock of the scheduler that stamped it and that of the NATS
    /// server that stored it, a moment later; positive where the scheduler is ahead.
    package var schedulerClockDifference: Duration? { self.state.withLock { $0.schedulerClockDifference } }

    // MARK: Waiting

    /// Returns when everything that was in the stream at the beginning has been applied, or when the task is cancelled.
    package func waitUntilCaughtUp() async {
        await self.wait(for: .caughtUp) { $0.isCaughtUp ? true : nil }
    }

    /// Waits for something about a backend.
    /// - Parameter answer: asked now, and whenever something was said about the backend or the stream was lost; nil to go on waiting. It is
    ///   given nil for a backend that nobody knows.
    /// - Returns: nil only when the task is cancelled.
    package func wait<Answer: Sendable>(
        for backend: BackendID, in cluster: ClusterName, _ answer: @escaping @Sendable (BackendView?) -> Answer?
    ) async -> Answer? {
        await self.wait(for: .backend(backend, cluster)) { answer($0.fleet.backend(backend, in: cluster)) }
    }

    /// The same for a lock.
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
        // Looked at only after the ticket was taken, so that nothing can happen in between unnoticed.
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
                // The stream was deleted and made again, and counts from one again.
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

    /// Whom to wake is found under the lock, and woken outside of it.
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
