package import NIOCore
package import ProxyCore
package import TierHop

/// How the proxy of one drone behaves.
package struct DroneProxyOptions: Sendable {
    /// Host names are `<backend>.<clusterName>`.
    package var clusterName: String
    /// `/_plane_backend=NAME/…` names a backend too, on hosts that are not below the cluster's domain.
    package var allowsPathRouting = false
    /// Where requests go whose name is no backend's, in the cluster or outside of it, without a token check; nil answers 404 or 400.
    package var passthrough: SocketAddress?
    /// Believe `X-Forwarded-*` and the like of clients and add to them. Only where nothing but trusted proxies can connect.
    package var trustsForwarding = false
    /// Let CORS preflights, which cannot show a token, through to backends that ask for one.
    package var allowsPreflights = false
    /// For how many seconds browsers are told to come by HTTPS only (RFC 6797); nil does not tell them.
    package var strictTransportSecurity: Int64?
    /// Let backends see the token and the cookie that opened the way to them.
    package var showsTokenToBackend = false
    /// What browsers are shown where there is no backend to answer; nil tells them what it tells others.
    package var pages: VisitorPages?
    /// What the tier has to show on listeners that are for it; nil lets nothing in there.
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
