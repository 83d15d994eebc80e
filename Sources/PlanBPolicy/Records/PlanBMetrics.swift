import Metrics
import NIOCore

/// PlanB's own metrics of one event loop. These are plain numbers, handed over twice a second, so that no request takes a lock.
struct PlanBMetrics {
    /// When there are this many durations they are handed over at once, so that a burst does not let the lists grow without bound.
    private static let durationLimit = 8192
    /// The statuses that are counted, each by a counter of its own; others are not counted.
    private static let statuses = 100..<600

    private var totals: [Int64] = []
    private var waits: [Int64] = []
    private var responses = [Int](repeating: 0, count: Self.statuses.count)
    private var counters: [Int: Counter] = [:]
    private var deadMarks = 0

    private let factory: any MetricsFactory
    private let totalTimer: Metrics.Timer
    private let waitTimer: Metrics.Timer
    private let deadMarksCounter: Counter

    init(_ factory: any MetricsFactory) {
        self.factory = factory
        self.totalTimer = Metrics.Timer(label: "planb_reverseproxy_http_request_duration_seconds", factory: factory)
        self.waitTimer = Metrics.Timer(label: "planb_reverseproxy_backend_request_duration_seconds", factory: factory)
        self.deadMarksCounter = Counter(label: "planb_router_backend_markdead_total", factory: factory)
    }

    mutating func responded(status: Int, total: TimeAmount, backend: TimeAmount) {
        self.totals.append(total.nanoseconds)
        self.waits.append(backend.nanoseconds)
        if Self.statuses.contains(status) { self.responses[status - Self.statuses.lowerBound] += 1 }
        if self.totals.count >= Self.durationLimit { self.report() }
    }

    mutating func markedDead() { self.deadMarks += 1 }

    mutating func report() {
        for duration in self.totals { self.totalTimer.recordNanoseconds(duration) }
        for duration in self.waits { self.waitTimer.recordNanoseconds(duration) }
        self.totals.removeAll(keepingCapacity: true)
        self.waits.removeAll(keepingCapacity: true)
        for index in self.responses.indices where self.responses[index] > 0 {
            self.counter(Self.statuses.lowerBound + index).increment(by: self.responses[index])
            self.responses[index] = 0
        }
        if self.deadMarks > 0 { self.deadMarksCounter.increment(by: self.deadMarks) }
        self.deadMarks = 0
    }

    private mutating func counter(_ status: Int) -> Counter {
        if let counter = self.counters[status] { return counter }
        let counter = Counter(
            label: "planb_reverseproxy_backends_responses_total", dimensions: [("status_code", "\(status)")], factory: self.factory)
        self.counters[status] = counter
        return counter
    }
}
