import CoreMetrics
import Synchronization

/// A number that only grows.
package final class CounterMetric: CounterHandler, FloatingPointCounterHandler, Sendable {
    private let total = Mutex(0.0)

    package init() {}

    package var value: Double { self.total.withLock { $0 } }

    package func increment(by amount: Int64) { self.increment(by: Double(amount)) }
    /// Negative amounts, and values that are not numbers, are ignored.
    package func increment(by amount: Double) {
        guard amount > 0, amount.isFinite else { return }
        self.total.withLock { $0 += amount }
    }

    package func reset() { self.total.withLock { $0 = 0 } }
}
