package import NIOCore
package import PlaneProtocol
import ProxyCore

/// What the name of a backend means.
package enum RouteAnswer: RouteMeaning {
    package enum StartPhase: Sendable {
        /// Its image is fetched, or its container made.
        case loading
        /// Its container runs.
        case starting
    }

    case ready(SocketAddress, token: Secret?)
    /// The backend exists and may be ready soon.
    case starting(token: Secret?, phase: StartPhase = .starting)
    /// No backend, or one that has ended.
    case none
}
