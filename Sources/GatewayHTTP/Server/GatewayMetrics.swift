import GatewayCore
import Metrics
import Synchronization

/// The metrics of the gateway. Made after the metrics system was set up.
final class GatewayMetrics: Sendable {
    private struct Key: Hashable {
        var route: String
        var status: Int
    }

    private struct Handles {
        var counter: Counter
        var timer: Timer
    }

    /// Kept, because finding a metric by its label and dimensions takes longer than counting. As many as there are routes and statuses.
    private let handles = Mutex<[Key: Handles]>([:])

    /// - Parameter route: nil for a path without a route.
    func answered(_ route: Route?, status: Int, after duration: Duration) {
        let key = Key(route: route?.name ?? "none", status: status)
        let handles = self.handles.withLock { known in
            if let handles = known[key] { return handles }
            let handles = Handles(
                counter: Counter(label: "plane_gateway_requests_total", dimensions: [("call", key.route), ("status", "\(status)")]),
                timer: Timer(label: "plane_gateway_request_seconds", dimensions: [("call", key.route)]))
            known[key] = handles
            return handles
        }
        handles.counter.increment()
        let (seconds, attoseconds) = duration.components
        handles.timer.recordNanoseconds(seconds &* 1_000_000_000 &+ attoseconds / 1_000_000_000)
    }
}
