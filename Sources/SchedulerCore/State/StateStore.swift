package import PlaneProtocol
package import PlaneState
import Synchronization
import Timing
import StateReplication

/// The state of the fleet as this process knows it, shared by all its tasks. The follower of the stream and the drones' own messages update it. Tasks query
/// it, and wait until a message that they have written has come back through the stream.
package final class StateStore: FollowedState {
    private struct State {
        var fleet = FleetState()
        var placement = Placement()
        var waiters = StateWaiters()
        var isCaughtUp = false
        var isCurrent = true
        var staleReason: String?
        var incarnation: UInt64 = 0
        /// Until then drones are being asked what they run because the stream was lost, so it is not known which locks are held.
        var rebuiltAt: ContinuousClock.Instant?
        /// When the stream was made, or lost what it held; nil before it was read.
        var bornAt: ContinuousClock.Instant?
        /// Choices of drones whose assignment is stored with this sequence, which the state has not reached yet.
        var unsettled: [(sequence: UInt64, drone: DroneID, cluster: ClusterName)] = []

        mutating func settleReached() {
            let sequence = self.fleet.sequence
            for choice in self.unsettled where choice.sequence <= sequence {
                self.placement.settle(choice.drone, in: choice.cluster)
            }
            self.unsettled.removeAll { $0.sequence <= sequence }
        }
    }

    private let state = Mutex(State())
    private let rebuildTime: Duration

    /// - Parameter rebuildTime: how long after the stream was made anew the drones may need to say what they run.
    package init(rebuildTime: Duration = .zero) {
        self.rebuildTime = rebuildTime
    }

    // MARK: Asking

    /// - Parameter question: must be short, because it runs under the lock that all tasks share.
    package func ask<Answer>(_ question: (FleetState) -> Answer) -> Answer {
        self.state.withLock { question($0.fleet) }
    }

    func askPlacement<Answer>(_ question: (FleetState, Placement) -> Answer) -> Answer {
        self.state.withLock { question($0.fleet, $0.placement) }
    }

    package func lockView(of lock: LockName, in cluster: ClusterName) -> LockView {
        self.state.withLock { $0.fleet.lockView(of: lock, in: cluster) }
    }

    package var isCaughtUp: Bool { self.state.withLock { $0.isCaughtUp } }

    /// Whether heartbeats of this process come back through the stream. If not, the state may be outdated, and requests are answered with an error.
    package var isCurrent: Bool { self.state.withLock { $0.isCurrent } }

    /// Why the state is not current, if NATS has given a reason.
    package var staleReason: String? { self.state.withLock { $0.staleReason } }

    package func setCurrent(_ isCurrent: Bool, because reason: String? = nil) {
        self.state.withLock { state in
            state.isCurrent = isCurrent
            state.staleReason = isCurrent ? nil : reason
        }
    }

    /// How often the stream was found to have been deleted and made again.
    package var incarnation: UInt64 { self.state.withLock { $0.incarnation } }

    /// How long it still takes to rebuild the state from the drones' answers after its stream was made anew; normally zero.
    package var rebuildRemaining: Duration {
        self.state.withLock { state in
            guard let rebuiltAt = state.rebuiltAt else { return .zero }
            let remaining = rebuiltAt - .now
            if remaining <= .zero { state.rebuiltAt = nil }
            return max(.zero, remaining)
        }
    }

    /// Whether the stream has existed for less than `age`: drones may run backends that it does not know yet.
    func isYounger(than age: Duration) -> Bool {
        self.state.withLock { state in state.bornAt.map { .now - $0 < age } ?? false }
    }

    // MARK: Choosing a drone

    package func heard(_ status: DroneStatusMessage, at now: StateTime) {
        self.state.withLock { state in
            let isRegistered = state.fleet.drone(status.droneID, in: status.cluster)?.metadata != nil
            state.placement.heard(status, isRegistered: isRegistered, at: now)
        }
    }

    /// Chooses a drone. The choice counts as load until it is settled.
    package func chooseDrone(
        in cluster: ClusterName, _ needs: PlacementNeeds = PlacementNeeds(), excluding excluded: Set<DroneID>, now: StateTime
    ) -> DroneID? {
        self.state.withLock { state in
            var generator = SystemRandomNumberGenerator()
            return state.placement.choose(in: cluster, needs, excluding: excluded, fleet: state.fleet, now: now, using: &generator)
        }
    }

    /// Ends a choice: it was given up, or its assignment was stored as `sequence`, from where on the state itself counts it.
    package func settle(_ drone: DroneID, in cluster: ClusterName, at sequence: UInt64 = 0) {
        self.state.withLock { state in
            if sequence <= state.fleet.sequence {
                state.placement.settle(drone, in: cluster)
            } else {
                state.unsettled.append((sequence, drone, cluster))
            }
        }
    }

    // MARK: Following

    /// Applies a message of the stream; nil for one that could not be read.
    package func apply(_ message: StateMessage?, sequence: UInt64, published: WireTime, incarnation: UInt64 = 0) {
        let signals = self.state.withLock { state in
            if incarnation != state.incarnation {
                // The stream was deleted and made again, and its sequences begin with 1 again.
                state.incarnation = incarnation
                self.reset(&state)
            }
            if let message {
                state.fleet.apply(message, sequence: sequence, published: published)
                state.placement.stateApplied(message, fleet: state.fleet)
            } else {
                state.fleet.skip(sequence: sequence)
            }
            if !state.unsettled.isEmpty { state.settleReached() }
            return state.waiters.whenApplied(message, fleet: state.fleet)
        }
        for signal in signals { signal.yield() }
    }

    /// The follower begins to read a stream whose age is `age`, by this machine's and the server's clocks.
    package func began(streamAge age: Duration) {
        self.state.withLock { self.expectRebuild(&$0, age: age) }
    }

    package var backendNames: [(backend: BackendID, cluster: ClusterName)] { self.ask { $0.backendNames } }

    /// Everything was purged from the stream.
    package func lost() {
        self.state.withLock { self.reset(&$0) }
    }

    private func reset(_ state: inout State) {
        state.fleet = FleetState()
        // Assignments that were being written are lost with the stream.
        for choice in state.unsettled { state.placement.settle(choice.drone, in: choice.cluster) }
        state.unsettled = []
        self.expectRebuild(&state, age: .zero)
    }

    private func expectRebuild(_ state: inout State, age: Duration) {
        state.bornAt = .now - age
        let remaining = min(self.rebuildTime - age, self.rebuildTime)
        if remaining > .zero { state.rebuiltAt = .now + remaining }
    }

    /// Forgets a backend, lock or drone whose messages were purged from the stream.
    package func forget(_ outdated: RetentionScan.Outdated) {
        self.state.withLock { state in
            switch outdated {
            case .backend(let backend, let cluster): state.fleet.forget(backend, in: cluster)
            case .token: break  // What was written in its place comes by the stream.
            case .lock(let lock, let cluster, let sequence):
                guard state.fleet.announcementSequence(of: lock, in: cluster) <= sequence else { return }
                state.fleet.forget(lock, in: cluster)
            case .drone(let drone, let cluster):
                state.fleet.forget(drone, in: cluster)
                state.placement.forget(drone, in: cluster)
            }
        }
    }

    package func purged(_ backend: BackendID, clusterToken token: String) {
        let cluster = self.ask { $0.clusterNames.first { $0.subjectToken == token } }
        if let cluster { self.forget(.backend(backend, cluster)) }
    }

    package func deleted(at sequence: UInt64) {
        self.state.withLock { state in
            guard let (backend, cluster) = state.fleet.backend(endedAt: sequence) else { return }
            state.fleet.forget(backend, in: cluster)
        }
    }

    /// Everything that was in the stream when the follower began to read has been applied.
    package func caughtUp() {
        let signals = self.state.withLock { state in
            state.isCaughtUp = true
            return state.waiters.whenCaughtUp()
        }
        for signal in signals { signal.yield() }
    }

    // MARK: Waiting

    /// Returns when the follower has caught up for the first time, or when the task is cancelled.
    package func waitUntilCaughtUp() async {
        await self.wait(for: .caughtUp) { $0.isCaughtUp ? true : nil }
    }

    /// Waits until the drones have been asked what they run.
    /// - Returns: whether that was finished within the limit.
    func waitUntilRebuilt(within limit: Duration) async -> Bool {
        let remaining = self.rebuildRemaining
        guard remaining > .zero else { return true }
        // The sleep ends early only when the task is cancelled, and then nobody needs the answer.
        try? await Task.sleep(for: min(remaining, limit))
        return self.rebuildRemaining == .zero
    }

    /// Waits until the message with this sequence has been applied.
    /// - Returns: whether it was, within the limit.
    package func waitUntil(sequence: UInt64, within limit: Duration) async -> Bool {
        await withTimeLimit(limit) { await self.wait(for: .sequence(sequence)) { $0.fleet.sequence >= sequence ? true : nil } ?? false } ?? false
    }

    /// Waits until the backend is assigned to the drone.
    /// - Returns: whether it is, within the limit.
    func waitUntil(_ backend: BackendID, in cluster: ClusterName, isAssignedTo drone: DroneID, within limit: Duration) async -> Bool {
        await withTimeLimit(limit) {
            await self.wait(for: .backend(backend, cluster)) { $0.fleet.drone(of: backend, in: cluster) == drone ? true : nil } ?? false
        } ?? false
    }

    /// Waits until the lock differs from what was seen of it, and returns what it is then; nil if that does not happen within the limit.
    package func waitUntil(
        lock: LockName, in cluster: ClusterName, differsFrom lockView: LockView, within limit: Duration
    ) async -> LockView? {
        await withTimeLimit(limit) { () async -> LockView? in
            await self.wait(for: .lock(lock, cluster)) { state in
                let now = state.fleet.lockView(of: lock, in: cluster)
                return now == lockView ? nil : now
            }
        } ?? nil
    }

    /// Returns what `answer` finds as soon as it finds something; nil when the task is cancelled.
    @discardableResult
    private func wait<Answer: Sendable>(
        for condition: StateWaiters.Condition, _ answer: @Sendable (State) -> Answer?
    ) async -> Answer? {
        let (wakes, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let ticket = self.state.withLock { $0.waiters.add(condition, signal) }
        defer { self.state.withLock { $0.waiters.remove(ticket, condition) } }
        // The question is first asked after the waiter is registered, so that no change goes unnoticed.
        signal.yield()
        for await _ in wakes {
            if let found = self.state.withLock({ answer($0) }) { return found }
        }
        return nil
    }
}
