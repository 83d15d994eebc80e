import NIOCore
import PlaneProtocol
import ProxyCore

/// One known backend on an event loop. It never changes: when the backend does, a new route replaces it.
final class DroneRoute: ProxyRoute {
    enum Destination {
        case ready(UpstreamPool)
        /// Requests wait until the backend goes on; the pool is kept for then.
        case frozen(UpstreamPool)
        /// - Parameter since: when this loop first heard of it.
        case starting(RouteAnswer.StartPhase, since: NIODeadline)
    }

    let name: String
    let destination: Destination
    /// Nil admits everybody.
    let token: AccessToken?
    /// Nil for the passthrough address, which is no backend.
    let activity: ActivityCounter?

    init(name: String, destination: Destination, token: AccessToken?, activity: ActivityCounter?) {
        self.name = name
        self.destination = destination
        self.token = token
        self.activity = activity
    }

    var isBackend: Bool { self.activity != nil }

    var startingSince: NIODeadline? {
        guard case .starting(_, let since) = self.destination else { return nil }
        return since
    }

    var pool: UpstreamPool? {
        switch self.destination {
        case .ready(let pool), .frozen(let pool): pool
        case .starting: nil
        }
    }

    /// Called when the route is replaced: no new request is forwarded to it, and its idle connections are closed.
    func retire() {
        self.pool?.retire()
    }
}
