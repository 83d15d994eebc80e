import CoreMetrics
import Synchronization

/// Counts values in fixed ranges.
package final class HistogramMetric: TimerHandler, RecorderHandler, Sendable {
    /// Upper ends of the ranges, in rising order; one more range without an end follows.
    package struct Buckets: Hashable, Sendable {
        let upperBounds: [Double]

        package init(upperBounds: [Double]) {
            self.upperBounds = upperBounds
        }

        /// In seconds, from half a millisecond (a round trip on loopback) to a minute (pulling an image).
        package static let seconds = Buckets(
            upperBounds: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60])
        /// For sizes and counts; each limit is four times the one before.
        package static let powersOfFour = Buckets(upperBounds: (0...10).map { Double(1 << (2 * $0)) })
    }

    package struct Snapshot: Hashable, Sendable {
        /// The number of values in each range.
        package var counts: [UInt64]
        package var sum: Double
    }

    package let buckets: Buckets
    private let state: Mutex<Snapshot>

    package init(_ buckets: Buckets) {
        self.buckets = buckets
        self.state = Mutex(Snapshot(counts: Array(repeating: 0, count: buckets.upperBounds.count + 1), sum: 0))
    }

    package var snapshot: Snapshot { self.state.withLock { $0 } }

    package func record(_ value: Int64) { self.record(Double(value)) }

    package func record(_ value: Double) {
        guard value.isFinite else { return }
        let index = self.buckets.upperBounds.firstIndex { value <= $0 } ?? self.buckets.upperBounds.count
        self.state.withLock { state in
            state.counts[index] += 1
            state.sum += value
        }
    }

    package func recordNanoseconds(_ duration: Int64) { self.record(Double(duration) / 1e9) }
}
