package import PlaneProtocol

/// What the proxy needs to know of one name.
package struct RouteRecord: Equatable, Sendable {
    /// Any state: a request for a backend that is `Loading` or `Starting` can be held instead of refused.
    package var state: BackendState
    /// `ip:port` (`[ip]:port` for IPv6) of the container; absent until it is ready for the first time.
    package var address: String?
    /// The token a request must show; absent when anybody may enter. Known from the moment the backend is accepted, so that a
    /// request without it need not be held.
    package var bearerToken: Secret?

    package init(state: BackendState, address: String?, bearerToken: Secret?) {
        self.state = state
        self.address = address
        self.bearerToken = bearerToken
    }
}
