package import PlaneProtocol
import Synchronization

/// What the drone says of itself, and the news that it has changed. In memory; the table keeps what must survive.
package final class DroneCondition: Sendable {
    private let draining: Mutex<Bool>
    /// Yields when the condition has changed. For one reader.
    package let changes: AsyncStream<Void>
    private let changed: AsyncStream<Void>.Continuation

    package init(isDraining: Bool) {
        self.draining = Mutex(isDraining)
        (self.changes, self.changed) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    package var isDraining: Bool { self.draining.withLock { $0 } }

    package var state: DroneState { self.isDraining ? .draining : .ready }

    package func set(draining: Bool) {
        self.draining.withLock { $0 = draining }
        self.changed.yield()
    }
}
