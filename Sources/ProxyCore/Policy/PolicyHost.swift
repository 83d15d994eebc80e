package import Logging
package import NIOCore

/// What a policy can ask the engine to do. Belongs to one event loop, and is used on that loop only.
package final class PolicyHost {
    package let eventLoop: any EventLoop
    package let logger: Logger
    package let limits: ProxyLimits
    private let allowance: UpstreamAllowance
    /// Lives as long as the policy. Nil while the policy is being made.
    unowned var worker: ProxyWorker?

    init(eventLoop: any EventLoop, limits: ProxyLimits, allowance: UpstreamAllowance, logger: Logger) {
        self.eventLoop = eventLoop
        self.limits = limits
        self.allowance = allowance
        self.logger = logger
    }

    /// Makes an endpoint, whose idle connections the engine keeps. The policy retires it when no request goes there any more.
    ///
    /// - Parameter tls: Nil connects without TLS.
    package func makeEndpoint(_ address: SocketAddress, tls: UpstreamTLS? = nil) -> UpstreamPool {
        UpstreamPool(address: address, tls: tls, allowance: self.allowance)
    }

    /// The policy has answered ``ProxyPolicy/lookUp(_:anew:)``: requests that wait for this name are resolved again.
    package func lookedUp(_ name: String, anew: Bool, _ outcome: LookupOutcome) {
        self.worker?.lookedUp(name, anew: anew, outcome)
    }

    /// A route has changed or is gone: requests held for it are resolved again, or fail.
    ///
    /// - Parameter exists: There is a route of this name now.
    package func routeChanged(_ name: String, exists: Bool) {
        self.worker?.routeChanged(name, exists: exists)
    }

    /// A visitor wants this backend, which is frozen: ``ActivitySink/want(_:at:)`` is called soon, on another thread. Harmless when repeated.
    package func want(_ backend: ActivityCounter) {
        self.worker?.want(backend)
    }

    /// Ends what is open on routes for which `isMeant` returns true, because nobody may use them any more: a WebSocket by a close frame with the code 1008
    /// (RFC 6455 §7.4.1), anything else by cutting it off, so that the client cannot take it for complete. No more bytes of these requests reach the
    /// endpoint. Requests that wait for a lookup or a route are left alone; they are resolved again when the wait is over.
    ///
    /// This looks at every connection of the event loop.
    ///
    /// - Returns: How many connections and streams were ended.
    @discardableResult package func endRequests(on isMeant: (any ProxyRoute) -> Bool) -> Int {
        self.worker?.endRequests(on: isMeant) ?? 0
    }
}
