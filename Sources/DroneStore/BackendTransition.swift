package import PlaneProtocol

/// A backend's change to another state. All of it is stored, or nothing.
package struct BackendTransition: Sendable {
    /// Where the proxy sends the backend's requests from now on.
    package struct Route: Equatable, Sendable {
        /// `ip:port`, or `[ip]:port` for IPv6.
        package var address: String
        package var bearerToken: Secret?

        package init(address: String, bearerToken: Secret?) {
            self.address = address
            self.bearerToken = bearerToken
        }
    }

    package var backend: BackendID
    package var state: BackendState
    package var exitCode: Int64?
    package var route: Route?
    /// The backend's container. Nil, or a handle without an id, does not change what is stored.
    package var container: ContainerHandle?
    /// Unix time in seconds. It becomes the route's first activity, or the end of the backend.
    package var at: Int64
    /// The message for the schedulers; nil if there is nothing to report.
    package var report: [UInt8]?

    package init(
        _ backend: BackendID, to state: BackendState, at: Int64, exitCode: Int64? = nil, route: Route? = nil, container: ContainerHandle? = nil,
        report: [UInt8]? = nil
    ) {
        self.backend = backend
        self.state = state
        self.at = at
        self.exitCode = exitCode
        self.route = route
        self.container = container
        self.report = report
    }
}
