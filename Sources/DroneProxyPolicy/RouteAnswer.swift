package import NIOCore
package import PlaneProtocol
package import ProxyCore
package import ProxyPages

/// What is known about the name of a backend.
package enum RouteAnswer: RouteValue {
    package typealias StartPhase = VisitorPages.StartPhase

    /// - Parameter hold: if it is frozen, its requests wait until it goes on.
    case ready(SocketAddress, token: Secret?, hold: BackendFreezing = .never)
    /// The backend exists and may be ready soon.
    case starting(token: Secret?, phase: StartPhase = .starting)
    /// It is one of this drone's, and has ended, or cannot be reached any more.
    case ended
    /// This drone knows no such backend.
    case none

    package var isKept: Bool {
        switch self {
        case .ready, .starting: true
        case .ended, .none: false
        }
    }
}
