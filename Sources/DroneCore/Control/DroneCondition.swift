package import NetworkAddresses
package import PlaneProtocol
import Synchronization

/// What the drone reports about itself, with a signal when that changes. Kept in memory; the table keeps what has to survive.
package final class DroneCondition: Sendable {
    private struct State {
        var isDraining: Bool
        var address: IPAddress?
        /// The number of live backends, as last counted; nil before the first count.
        var liveBackends: Int?
    }

    private let current: Mutex<State>
    /// Yields when the condition has changed. For one reader.
    package let changes: AsyncStream<Void>
    private let changed: AsyncStream<Void>.Continuation

    package init(isDraining: Bool) {
        self.current = Mutex(State(isDraining: isDraining))
        (self.changes, self.changed) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    package var isDraining: Bool { self.current.withLock { $0.isDraining } }

    /// The address at which visitors reach the drone, as last registered.
    package var address: IPAddress? { self.current.withLock { $0.address } }

    /// Backends that have not ended, as last counted.
    package var liveBackends: Int? { self.current.withLock { $0.liveBackends } }

    package var state: DroneState {
        self.current.withLock { state in
            guard state.isDraining else { return .ready }
            return state.liveBackends == 0 ? .drained : .draining
        }
    }

    package func set(draining: Bool) {
        self.current.withLock { $0.isDraining = draining }
        self.changed.yield()
    }

    package func set(address: IPAddress) {
        self.current.withLock { $0.address = address }
    }

    package func set(liveBackends: Int) {
        self.current.withLock { $0.liveBackends = liveBackends }
    }

    /// Called when a backend has been added or removed, which may change the drone's state.
    package func backendsChanged() {
        if self.isDraining { self.changed.yield() }
    }
}
