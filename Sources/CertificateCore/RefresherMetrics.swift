import ACME
import Foundation
import Metrics

/// The metrics of `cert-refresher`. Made after the metrics system was set up.
struct RefresherMetrics: Sendable {
    private let notAfter: Meter
    private let isUsable: Meter
    private let nextLook: Meter
    private let cluster: String

    init(cluster: String) {
        let dimensions = [("cluster", cluster)]
        self.cluster = cluster
        self.notAfter = Meter(label: "plane_certificate_expiry_timestamp_seconds", dimensions: dimensions)
        self.isUsable = Meter(label: "plane_cert_is_usable", dimensions: dimensions)
        self.nextLook = Meter(label: "plane_cert_next_step_timestamp_seconds", dimensions: dimensions)
    }

    func found(_ chain: CertificateChain?) {
        self.isUsable.set(chain == nil ? 0 : 1)
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
