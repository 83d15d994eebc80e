import CoreMetrics
import Synchronization

/// A number that goes up and down.
package final class GaugeMetric: MeterHandler, RecorderHandler, Sendable {
    private let current = Mutex(0.0)

    package init() {}

    package var value: Double { self.current.withLock { $0 } }

    package func set(_ value: Int64) { self.set(Double(value)) }
    package func set(_ value: Double) { self.current.withLock { $0 = value } }
    package func increment(by amount: Double) { self.current.withLock { $0 += amount } }
    package func decrement(by amount: Double) { self.current.withLock { $0 -= amount } }
    package func record(_ value: Int64) { self.set(value) }
    package func record(_ value: Double) { self.set(value) }
}
