import GatewayCore
import Metrics

/// The metrics of the gateway. Made after the metrics system was set up.
struct GatewayMetrics: Sendable {
    /// - Parameter route: nil for a path without a route.
    func answered(_ route: Route?, status: Int, after duration: Duration) {
        let name = route?.name ?? "none"
        Counter(label: "plane_gateway_requests_total", dimensions: [("call", name), ("status", "\(status)")]).increment()
        let (seconds, attoseconds) = duration.components
        Timer(label: "plane_gateway_request_seconds", dimensions: [("call", name)]).recordNanoseconds(seconds &* 1_000_000_000 &+ attoseconds / 1_000_000_000)
    }
}
