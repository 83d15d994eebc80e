import DNSCore
import Metrics
import Synchronization

/// The metrics of `dns`. Made after the metrics system was set up.
final class NameServerMetrics: Sendable {
    private let age = Meter(label: "plane_dns_state_age_seconds")
    private let isCaughtUp = Meter(label: "plane_dns_state_is_known")
    private let sequence = Meter(label: "plane_dns_state_sequence")
    private let names = Meter(label: "plane_dns_names")
    private let zones = Meter(label: "plane_dns_zones")
    private let reported = Mutex(ServerCounters.Snapshot.zero)

    /// - Parameter age: age of the last message in seconds, by our clock; nil if there was none.
    func report(_ status: ZoneStore.Status, age: Double?, _ now: ServerCounters.Snapshot) {
        if let age { self.age.set(max(age, 0)) }
        self.isCaughtUp.set(status.isCaughtUp ? 1 : 0)
        self.sequence.set(Double(status.sequence))
        self.names.set(Double(status.names))
        self.zones.set(Double(status.zones))
        let before = self.reported.withLock { reported in
            defer { reported = now }
            return reported
        }
        Self.count("plane_dns_questions_total", [("transport", "udp")], now.udpQuestions - before.udpQuestions)
        Self.count("plane_dns_questions_total", [("transport", "tcp")], now.tcpQuestions - before.tcpQuestions)
        for (code, answers) in now.answers {
            Self.count("plane_dns_answers_total", [("code", code.description)], answers - before.answers[code, default: 0])
        }
        Self.count("plane_dns_messages_ignored_total", [], now.ignored - before.ignored)
        Self.count("plane_dns_answers_truncated_total", [], now.truncated - before.truncated)
        Self.count("plane_dns_answers_rate_limited_total", [], now.limited - before.limited)
        Self.count("plane_dns_answers_dropped_total", [], now.congested - before.congested)
        Self.count("plane_dns_connections_total", [], now.connections - before.connections)
        Self.count("plane_dns_connections_displaced_total", [], now.displacedConnections - before.displacedConnections)
        Self.count("plane_dns_reads_failed_total", [], now.failedReads - before.failedReads)
    }

    private static func count(_ label: String, _ dimensions: [(String, String)], _ difference: Int) {
        Counter(label: label, dimensions: dimensions).increment(by: difference)
    }
}
