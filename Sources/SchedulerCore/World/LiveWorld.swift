package import PlaneProtocol
package import PlaneState
import Synchronization

/// The world as this process knows it now: fed by the follower and by the drones' own messages, asked by everybody, awaited by who
/// has written something and must see it come back.
package final class LiveWorld: Sendable {
    private struct State {
        var world = WorldState()
        var placement = Placement()
        var waiters = WorldWaiters()
        var isCaughtUp = false
        var incarnation: UInt64 = 0
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

    package init() {}

    // MARK: Asking

    /// - Parameter question: short, because everybody waits for it.
    package func ask<Answer>(_ question: (WorldState) -> Answer) -> Answer {
        self.state.withLock { question($0.world) }
    }

    package func sight(of lock: LockName, in cluster: ClusterName) -> LockSight {
        self.state.withLock { $0.world.sight(of: lock, in: cluster) }
    }

    package var isCaughtUp: Bool { self.state.withLock { $0.isCaughtUp } }

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
                state.world = WorldState()
                state.incarnation = incarnation
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

    /// Whether the world reached the sequence in time.
    package func waitUntil(sequence: UInt64, within limit: Duration) async -> Bool {
        await TimeLimit.run(limit) { await self.wait(for: .sequence(sequence)) { $0.world.sequence >= sequence ? true : nil } } ?? false
    }

    /// What the lock looks like as soon as it looks different; nil if it does not in time.
    package func waitUntil(
        lock: LockName, in cluster: ClusterName, differsFrom sight: LockSight, within limit: Duration
    ) async -> LockSight? {
        await TimeLimit.run(limit) {
            await self.wait(for: .lock(lock, cluster)) { state in
                let now = state.world.sight(of: lock, in: cluster)
                return now == sight ? nil : now
            }
        }
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
