package import NIOCore
package import PlaneProtocol
import ProxyCore

/// What the name of a backend means.
package enum RouteAnswer: RouteMeaning {
    case ready(SocketAddress, token: Secret?)
    /// The backend exists and may be ready soon.
    case starting(token: Secret?)
    /// No backend, or one that has ended.
    case none
}
