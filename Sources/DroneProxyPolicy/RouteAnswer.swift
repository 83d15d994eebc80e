package import NIOCore
package import PlaneProtocol
import ProxyCore

/// What is known about the name of a backend.
package enum RouteAnswer: RouteMeaning {
    package enum StartPhase: Sendable {
        /// The image is being pulled, or the container made.
        case loading
        /// The container runs.
        case starting
    }

    case ready(SocketAddress, token: Secret?)
    /// The backend exists and may be ready soon.
    case starting(token: Secret?, phase: StartPhase = .starting)
    /// There is no such backend, or it has ended.
    case none
}
