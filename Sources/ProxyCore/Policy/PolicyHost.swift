package import Logging
package import NIOCore

/// What a policy may ask of the engine. Belongs to one event loop, and is used on it only.
package final class PolicyHost {
    package let eventLoop: any EventLoop
    package let logger: Logger
    package let limits: ProxyLimits
    private let allowance: UpstreamAllowance
    /// Lives as long as the policy. Not set while the policy is being made.
    unowned var worker: ProxyWorker?

    init(eventLoop: any EventLoop, limits: ProxyLimits, allowance: UpstreamAllowance, logger: Logger) {
        self.eventLoop = eventLoop
        self.limits = limits
        self.allowance = allowance
        self.logger = logger
    }

    /// An endpoint, whose idle connections are kept. To be retired when nothing goes there any more.
    ///
    /// - Parameter tls: Nil speaks to it in the clear.
    package func makeEndpoint(_ address: SocketAddress, tls: UpstreamTLS? = nil) -> UpstreamPool {
        UpstreamPool(address: address, tls: tls, allowance: self.allowance)
    }

    /// What ``ProxyPolicy/lookUp(_:anew:)`` was asked for has been found out: the requests that wait for it are resolved again.
    package func lookedUp(_ name: String, anew: Bool, _ outcome: LookupOutcome) {
        self.worker?.lookedUp(name, anew: anew, outcome)
    }

    /// A route is another, or no more: requests held for it are resolved again, or fail.
    ///
    /// - Parameter exists: There is a route of this name now.
    package func routeChanged(_ name: String, exists: Bool) {
        self.worker?.routeChanged(name, exists: exists)
    }

    /// Ends what is open on routes that `isMeant` says yes to, because nobody may use them any more: a WebSocket by a close frame with the code
    /// 1008 (RFC 6455 §7.4.1), anything else by cutting it off, which nobody can take for its end. From now on no byte of it reaches the endpoint.
    /// Requests that wait for a lookup or for a route are not among them; they are resolved again when that is over.
    ///
    /// Looks at every connection of the event loop.
    ///
    /// - Returns: How many there were.
    @discardableResult package func endRequests(on isMeant: (any ProxyRoute) -> Bool) -> Int {
        self.worker?.endRequests(on: isMeant) ?? 0
    }
}
