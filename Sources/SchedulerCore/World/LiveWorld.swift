package import PlaneProtocol
package import PlaneState
import Synchronization
import Timing
import WorldFollowing

/// The world as this process knows it now: fed by the follower and by the drones' own messages, asked by everybody, awaited by who
/// has written something and must see it come back.
package final class LiveWorld: FollowedWorld {
    private struct State {
        var world = WorldState()
        var placement = Placement()
        var waiters = WorldWaiters()
        var isCaughtUp = false
        var isCurrent = true
        var staleReason: String?
        var incarnation: UInt64 = 0
        /// Until then drones are being asked what they run, and nobody knows which locks are held.
        var rebuiltAt: ContinuousClock.Instant?
        /// When the stream was made, or lost what it held; nil before it was read.
        var bornAt: ContinuousClock.Instant?
        /// Choices whose assignment stands in the stream at this place, which the world has not reached.
        var unsettled: [(sequence: UInt64, drone: DroneID, cluster: ClusterName)] = []

        mutating func settleReached() {
            let sequence = self.world.sequence
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

    /// - Parameter question: short, because everybody waits for it.
    package func ask<Answer>(_ question: (WorldState) -> Answer) -> Answer {
        self.state.withLock { question($0.world) }
    }

    func askPlacement<Answer>(_ question: (WorldState, Placement) -> Answer) -> Answer {
        self.state.withLock { question($0.world, $0.placement) }
    }

    package func sight(of lock: LockName, in cluster: ClusterName) -> LockSight {
        self.state.withLock { $0.world.sight(of: lock, in: cluster) }
    }

    package var isCaughtUp: Bool { self.state.withLock { $0.isCaughtUp } }

    /// Whether what we write comes back to us. If not, what this process knows may be long past, and is no ground for an answer.
    package var isCurrent: Bool { self.state.withLock { $0.isCurrent } }

    /// Why it does not, as far as NATS has said.
    package var staleReason: String? { self.state.withLock { $0.staleReason } }

    package func setCurrent(_ isCurrent: Bool, because reason: String? = nil) {
        self.state.withLock { state in
            state.isCurrent = isCurrent
            state.staleReason = isCurrent ? nil : reason
        }
    }

    /// Of the stream that is followed: how often it was found to be another one.
    package var incarnation: UInt64 { self.state.withLock { $0.incarnation } }

    /// How long it still takes until the world is rebuilt from what the drones say, after its stream was made anew; zero normally.
    package var rebuildRemaining: Duration {
        self.state.withLock { state in
            guard let rebuiltAt = state.rebuiltAt else { return .zero }
            let remaining = rebuiltAt - .now
            if remaining <= .zero { state.rebuiltAt = nil }
            return max(.zero, remaining)
        }
    }

    /// Whether the stream has been there for less than `age`: drones may run what it does not know yet.
    func isYounger(than age: Duration) -> Bool {
        self.state.withLock { state in state.bornAt.map { .now - $0 < age } ?? false }
    }

    // MARK: Choosing a drone

    package func heard(_ status: DroneStatusMessage, at now: WorldTime) {
        self.state.withLock { $0.placement.heard(status, at: now) }
    }

    /// The choice counts as load until it is settled.
    package func chooseDrone(in cluster: ClusterName, excluding excluded: Set<DroneID>, now: WorldTime) -> DroneID? {
        self.state.withLock { state in
            var generator = SystemRandomNumberGenerator()
            return state.placement.choose(in: cluster, excluding: excluded, world: state.world, now: now, using: &generator)
        }
    }

    /// The choice was given up, or its assignment was stored at `sequence`: then the world itself counts it from there on.
    package func settle(_ drone: DroneID, in cluster: ClusterName, at sequence: UInt64 = 0) {
        self.state.withLock { state in
            if sequence <= state.world.sequence {
                state.placement.settle(drone, in: cluster)
            } else {
                state.unsettled.append((sequence, drone, cluster))
            }
        }
    }

    // MARK: Following

    /// Applies a message of the stream; nil for one that could not be read.
    package func apply(_ message: WorldStateMessage?, sequence: UInt64, published: WireTime, incarnation: UInt64 = 0) {
        let signals = self.state.withLock { state in
            if incarnation != state.incarnation {
                // The stream was deleted and made again, and counts from one again.
                state.incarnation = incarnation
                self.reset(&state)
            }
            if let message {
                state.world.apply(message, sequence: sequence, published: published)
                state.placement.worldApplied(message, world: state.world)
            } else {
                state.world.skip(sequence: sequence)
            }
            if !state.unsettled.isEmpty { state.settleReached() }
            return state.waiters.whenApplied(message, world: state.world)
        }
        for signal in signals { signal.yield() }
    }

    /// The follower begins to read a stream of this age. (The server's clock may be another machine's.)
    package func began(streamAge age: Duration) {
        self.state.withLock { self.expectRebuild(&$0, age: age) }
    }

    /// Everything was purged from the stream.
    package func lost() {
        self.state.withLock { self.reset(&$0) }
    }

    private func reset(_ state: inout State) {
        state.world = WorldState()
        // What was on its way is gone with the stream.
        for choice in state.unsettled { state.placement.settle(choice.drone, in: choice.cluster) }
        state.unsettled = []
        self.expectRebuild(&state, age: .zero)
    }

    private func expectRebuild(_ state: inout State, age: Duration) {
        state.bornAt = .now - age
        let remaining = min(self.rebuildTime - age, self.rebuildTime)
        if remaining > .zero { state.rebuiltAt = .now + remaining }
    }

    /// Its messages were purged from the stream.
    package func forget(_ outdated: RetentionScan.Outdated) {
        self.state.withLock { state in
            switch outdated {
            case .backend(let backend, let cluster): state.world.forget(backend, in: cluster)
            case .lock(let lock, let cluster, let sequence):
                guard state.world.announcementSequence(of: lock, in: cluster) <= sequence else { return }
                state.world.forget(lock, in: cluster)
            case .drone(let drone, let cluster):
                state.world.forget(drone, in: cluster)
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
            guard let (backend, cluster) = state.world.backend(endedAt: sequence) else { return }
            state.world.forget(backend, in: cluster)
        }
    }

    /// Everything that was in the stream when the follower began has been applied.
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

    /// Whether it is known in time which locks are held.
    func waitUntilRebuilt(within limit: Duration) async -> Bool {
        let remaining = self.rebuildRemaining
        guard remaining > .zero else { return true }
        // Cut short only when the task is cancelled, and then the answer does not matter.
        try? await Task.sleep(for: min(remaining, limit))
        return self.rebuildRemaining == .zero
    }

    /// Whether the world reached the sequence in time.
    package func waitUntil(sequence: UInt64, within limit: Duration) async -> Bool {
        await withTimeLimit(limit) { await self.wait(for: .sequence(sequence)) { $0.world.sequence >= sequence ? true : nil } ?? false } ?? false
    }

    /// Whether the backend is assigned to the drone, or is in time.
    func waitUntil(_ backend: BackendID, in cluster: ClusterName, isAssignedTo drone: DroneID, within limit: Duration) async -> Bool {
        await withTimeLimit(limit) {
            await self.wait(for: .backend(backend, cluster)) { $0.world.drone(of: backend, in: cluster) == drone ? true : nil } ?? false
        } ?? false
    }

    /// What the lock looks like as soon as it looks different; nil if it does not in time.
    package func waitUntil(
        lock: LockName, in cluster: ClusterName, differsFrom sight: LockSight, within limit: Duration
    ) async -> LockSight? {
        await withTimeLimit(limit) { () async -> LockSight? in
            await self.wait(for: .lock(lock, cluster)) { state in
                let now = state.world.sight(of: lock, in: cluster)
                return now == sight ? nil : now
            }
        } ?? nil
    }

    /// Returns what `answer` finds as soon as it finds something; nil when the task is cancelled.
    @discardableResult
    private func wait<Answer: Sendable>(
        for condition: WorldWaiters.Condition, _ answer: @Sendable (State) -> Answer?
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
}
