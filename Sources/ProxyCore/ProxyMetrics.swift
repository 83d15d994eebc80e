import Metrics

/// What one event loop did since it last reported. Plain numbers on the hot path; handed to swift-metrics once per tick.
struct ProxyMetrics {
    var requests = 0
    var refused = 0
    var upstreamFailures = 0
    var upstreamConnections = 0
    var handshakes = 0
    var handshakesFailed = 0
    /// For having too many already.
    var connectionsRefused = 0
    /// Changes since the last report, of numbers that go up and down.
    var connectionsChange = 0
    var tunnelsChange = 0
    var heldChange = 0

    private let requestsCounter = Counter(label: "proxy_requests_total")
    private let refusedCounter = Counter(label: "proxy_requests_refused_total")
    private let upstreamFailuresCounter = Counter(label: "proxy_upstream_failures_total")
    private let upstreamConnectionsCounter = Counter(label: "proxy_upstream_connections_total")
    private let handshakesCounter = Counter(label: "proxy_tls_handshakes_total")
    private let handshakesFailedCounter = Counter(label: "proxy_tls_handshakes_failed_total")
    private let connectionsRefusedCounter = Counter(label: "proxy_connections_refused_total")
    private let connectionsMeter = Meter(label: "proxy_open_connections_count")
    private let tunnelsMeter = Meter(label: "proxy_open_tunnels_count")
    private let heldMeter = Meter(label: "proxy_held_requests_count")
    private let durationTimer = Metrics.Timer(label: "proxy_request_duration_seconds")

    /// From a request's head being read to the last byte of its response being handed to the kernel's queue.
    @inline(__always)
    mutating func requestEnded(nanoseconds: Int64) {
        self.requests += 1
        self.durationTimer.recordNanoseconds(nanoseconds)
    }

    mutating func report() {
        Self.report(&self.requests, to: self.requestsCounter)
        Self.report(&self.refused, to: self.refusedCounter)
        Self.report(&self.upstreamFailures, to: self.upstreamFailuresCounter)
        Self.report(&self.upstreamConnections, to: self.upstreamConnectionsCounter)
        Self.report(&self.handshakes, to: self.handshakesCounter)
        Self.report(&self.handshakesFailed, to: self.handshakesFailedCounter)
        Self.report(&self.connectionsRefused, to: self.connectionsRefusedCounter)
        Self.report(&self.connectionsChange, to: self.connectionsMeter)
        Self.report(&self.tunnelsChange, to: self.tunnelsMeter)
        Self.report(&self.heldChange, to: self.heldMeter)
    }

    private static func report(_ count: inout Int, to counter: Counter) {
        if count > 0 { counter.increment(by: count) }
        count = 0
    }

    private static func report(_ change: inout Int, to meter: Meter) {
        if change > 0 { meter.increment(by: Double(change)) } else if change < 0 { meter.decrement(by: Double(-change)) }
        change = 0
    }
}
