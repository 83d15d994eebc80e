import Metrics
import NIOCore

/// PlanB's own metrics of one event loop. These are plain numbers, handed over twice a second; but for durations, which are recorded at once, by recorders of
/// this loop's own. So no request takes a lock that another loop takes.
struct PlanBMetrics {
    /// The statuses that are counted, each by a counter of its own; others are not counted.
    private static let statuses = 100..<600

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
        self.totalTimer.recordNanoseconds(total.nanoseconds)
        self.waitTimer.recordNanoseconds(backend.nanoseconds)
        if Self.statuses.contains(status) { self.responses[status - Self.statuses.lowerBound] += 1 }
    }

    mutating func markedDead() { self.deadMarks += 1 }

    mutating func report() {
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
