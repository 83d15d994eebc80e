import CoreMetrics
import Synchronization

/// Counts values in fixed ranges, as the sum of what its recorders have counted.
///
/// Everyone who records has a recorder, so that threads which record all the time take no lock that another of them takes.
package final class HistogramMetric: Sendable {
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

        fileprivate init(_ buckets: Buckets) {
            self.counts = Array(repeating: 0, count: buckets.upperBounds.count + 1)
            self.sum = 0
        }

        fileprivate mutating func add(_ other: Snapshot) {
            for index in self.counts.indices { self.counts[index] += other.counts[index] }
            self.sum += other.sum
        }
    }

    /// What one recorder has counted.
    fileprivate final class Share: Sendable {
        let counted: Mutex<Snapshot>

        init(_ buckets: Buckets) { self.counted = Mutex(Snapshot(buckets)) }
    }

    private struct State {
        /// What recorders that no longer exist had counted.
        var former: Snapshot
        var shares: [ObjectIdentifier: Share] = [:]
    }

    package let buckets: Buckets
    private let state: Mutex<State>

    package init(_ buckets: Buckets) {
        self.buckets = buckets
        self.state = Mutex(State(former: Snapshot(buckets)))
    }

    package var snapshot: Snapshot {
        self.state.withLock { state in
            state.shares.values.reduce(into: state.former) { sum, share in sum.add(share.counted.withLock { $0 }) }
        }
    }

    package func makeRecorder() -> HistogramRecorder {
        let share = Share(self.buckets)
        self.state.withLock { $0.shares[ObjectIdentifier(share)] = share }
        return HistogramRecorder(self, share)
    }

    fileprivate func retire(_ share: Share) {
        self.state.withLock { state in
            state.shares[ObjectIdentifier(share)] = nil
            state.former.add(share.counted.withLock { $0 })
        }
    }
}

/// Records values for a histogram. Its lock is taken by whoever uses this recorder, and by a reader of the metrics.
package final class HistogramRecorder: TimerHandler, RecorderHandler, Sendable {
    private let histogram: HistogramMetric
    private let share: HistogramMetric.Share

    fileprivate init(_ histogram: HistogramMetric, _ share: HistogramMetric.Share) {
        self.histogram = histogram
        self.share = share
    }

    deinit { self.histogram.retire(self.share) }

    package func record(_ value: Int64) { self.record(Double(value)) }

    package func record(_ value: Double) {
        guard value.isFinite else { return }
        let bounds = self.histogram.buckets.upperBounds
        let index = bounds.firstIndex { value <= $0 } ?? bounds.count
        self.share.counted.withLock { counted in
            counted.counts[index] += 1
            counted.sum += value
        }
    }

    package func recordNanoseconds(_ duration: Int64) { self.record(Double(duration) / 1e9) }
}
