import Metrics

/// What one event loop has done since it last reported. These are plain numbers, which are added to swift-metrics at every tick of the loop, twice a second;
/// but for durations, which are recorded at once, by a recorder of this loop's own. So a request takes no lock that another loop takes, and changes nothing
/// that another loop changes too.
struct ProxyMetrics {
    /// A number that only grows, reported with or without a label.
    private struct Tally {
        var count = 0
        private let counter: Counter

        init(_ label: String, _ dimensions: [(String, String)], _ factory: any MetricsFactory) {
            self.counter = Counter(label: label, dimensions: dimensions, factory: factory)
        }

        mutating func report() {
            if self.count > 0 { self.counter.increment(by: self.count) }
            self.count = 0
        }
    }

    var upstreamConnections = 0
    var handshakes = 0
    var handshakesFailed = 0
    /// Connections that were refused because their client, or all clients together, had too many.
    var connectionsRefused = 0
    /// Changes since the last report, of numbers that go up and down.
    var connectionsChange = 0
    var tunnelsChange = 0
    var heldChange = 0
    /// Bytes between clients and the proxy, heads included, without what TLS and the framing of HTTP/2 add.
    var receivedBytes = 0
    var sentBytes = 0

    /// Finished requests by the class of their status; `1xx` are upgrades.
    private var requests: [Tally]
    private var refusals: [RefusalReason: Tally]
    private var upstreamFailures: [Tally]

    private let upstreamConnectionsCounter: Counter
    private let handshakesCounter: Counter
    private let handshakesFailedCounter: Counter
    private let connectionsRefusedCounter: Counter
    private let receivedBytesCounter: Counter
    private let sentBytesCounter: Counter
    private let connectionsMeter: Meter
    private let tunnelsMeter: Meter
    private let heldMeter: Meter
    private let durationTimer: Metrics.Timer

    /// - Parameter refusals: All possible reasons, so that each is reported from the beginning, with 0.
    init(_ factory: any MetricsFactory, refusals: [RefusalReason]) {
        self.requests = (1...5).map { Tally("proxy_requests_total", [("status", "\($0)xx")], factory) }
        self.refusals = Dictionary(
            uniqueKeysWithValues: refusals.map {
                ($0, Tally("proxy_requests_refused_total", [("reason", $0.label)], factory))
            })
        self.upstreamFailures = UpstreamFailure.Kind.allCases.map {
            Tally("proxy_upstream_failures_total", [("reason", $0.label)], factory)
        }
        self.upstreamConnectionsCounter = Counter(label: "proxy_upstream_connections_total", factory: factory)
        self.handshakesCounter = Counter(label: "proxy_tls_handshakes_total", factory: factory)
        self.handshakesFailedCounter = Counter(label: "proxy_tls_handshakes_failed_total", factory: factory)
        self.connectionsRefusedCounter = Counter(label: "proxy_connections_refused_total", factory: factory)
        self.receivedBytesCounter = Counter(label: "proxy_received_bytes_total", factory: factory)
        self.sentBytesCounter = Counter(label: "proxy_sent_bytes_total", factory: factory)
        self.connectionsMeter = Meter(label: "proxy_open_connections", factory: factory)
        self.tunnelsMeter = Meter(label: "proxy_open_tunnels", factory: factory)
        self.heldMeter = Meter(label: "proxy_held_requests", factory: factory)
        self.durationTimer = Metrics.Timer(label: "proxy_request_duration_seconds", factory: factory)
    }

    /// The duration from reading a request's head to handing the last byte of its response to the kernel, or to the upgrade.
    @inline(__always)
    func requestEnded(nanoseconds: Int64) {
        self.durationTimer.recordNanoseconds(nanoseconds)
    }

    /// A request has ended with a response of this status, of the proxy's own or a backend's, or has become a tunnel. Also called when a response breaks off.
    @inline(__always)
    mutating func responded(status: Int) {
        self.requests[max(0, min(status / 100 - 1, 4))].count += 1
    }

    mutating func refused(_ reason: RefusalReason) {
        self.refusals[reason]?.count += 1
    }

    mutating func upstreamFailed(_ kind: UpstreamFailure.Kind) {
        self.upstreamFailures[kind.rawValue].count += 1
    }

    mutating func report() {
        for index in self.requests.indices { self.requests[index].report() }
        for reason in self.refusals.keys { self.refusals[reason]?.report() }
        for index in self.upstreamFailures.indices { self.upstreamFailures[index].report() }
        Self.report(&self.upstreamConnections, to: self.upstreamConnectionsCounter)
        Self.report(&self.handshakes, to: self.handshakesCounter)
        Self.report(&self.handshakesFailed, to: self.handshakesFailedCounter)
        Self.report(&self.connectionsRefused, to: self.connectionsRefusedCounter)
        Self.report(&self.receivedBytes, to: self.receivedBytesCounter)
        Self.report(&self.sentBytes, to: self.sentBytesCounter)
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
