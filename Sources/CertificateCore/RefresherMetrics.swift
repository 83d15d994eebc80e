import ACME
import Foundation
import Metrics

/// What the refresher shows. Made after the metrics system was set up.
struct RefresherMetrics: Sendable {
    private let daysLeft: Meter
    private let notAfter: Meter
    private let isUsable: Meter
    private let nextLook: Meter
    private let cluster: String

    init(cluster: String) {
        let dimensions = [("cluster", cluster)]
        self.cluster = cluster
        self.daysLeft = Meter(label: "plane_cert_days_left", dimensions: dimensions)
        self.notAfter = Meter(label: "plane_cert_expires_timestamp_seconds", dimensions: dimensions)
        self.isUsable = Meter(label: "plane_cert_is_usable", dimensions: dimensions)
        self.nextLook = Meter(label: "plane_cert_next_step_timestamp_seconds", dimensions: dimensions)
    }

    func found(_ chain: CertificateChain?, now: Date) {
        self.isUsable.set(chain == nil ? 0 : 1)
        self.daysLeft.set(max((chain?.notAfter.timeIntervalSince(now) ?? 0) / 86_400, 0))
        if let chain { self.notAfter.set(chain.notAfter.timeIntervalSince1970) }
    }

    func waiting(until time: Date) {
        self.nextLook.set(time.timeIntervalSince1970)
    }

    func ordered(success: Bool) {
        Counter(label: "plane_cert_orders_total", dimensions: [("cluster", self.cluster), ("result", success ? "issued" : "failed")])
            .increment()
    }
}
