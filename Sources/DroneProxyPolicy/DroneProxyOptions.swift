package import NIOCore
package import ProxyCore
package import ProxyPages
package import TierHop

/// The options of a drone's proxy.
package struct DroneProxyOptions: Sendable {
    /// The cluster's name; host names are `<backend>.<clusterName>`.
    package var clusterName: String
    /// Whether `/_plane_backend=NAME/…` names a backend, too, on hosts that are not below the cluster's domain.
    package var allowsPathRouting = false
    /// The address for requests that name no backend, in the cluster or outside of it, without a token check; nil answers them with 404 or 400.
    package var passthrough: SocketAddress?
    /// Whether to believe clients' `X-Forwarded-*` and similar fields, and to add to them. Only for proxies that nothing but trusted proxies can reach.
    package var trustsForwarding = false
    /// Whether CORS preflights, which cannot contain a token, are passed to backends that require one.
    package var allowsPreflights = false
    /// For how many seconds browsers are told to use HTTPS only (RFC 6797); nil does not tell them.
    package var strictTransportSecurity: Int64?
    /// Whether backends get the token or cookie with which a request was admitted.
    package var showsTokenToBackend = false
    /// The pages for browsers if there is no backend to answer; nil gives them the same text as other clients.
    package var pages: VisitorPages?
    /// The secret that the tier has to show on its listeners; nil accepts no requests there.
    package var hopSecret: HopSecret?
    /// A proxy of the tier that takes requests for backends that are not this drone's; nil answers them. Shown ``hopSecret``.
    package var forward: SocketAddress?
    /// How it is spoken to; nil speaks in the clear.
    package var forwardTLS: UpstreamTLS?
    /// Where a line is written for every request; nil writes none.
    package var accessLog: AccessLog?
    package var limits = ProxyLimits()

    package init(clusterName: String) {
        self.clusterName = clusterName
    }

    /// The options that the proxy's engine takes; the rest are the policy's.
    var engine: ProxyOptions {
        var options = ProxyOptions()
        options.accessLog = self.accessLog
        options.limits = self.limits
        return options
    }
}
