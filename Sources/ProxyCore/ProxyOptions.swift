package import NIOCore

/// How one proxy behaves. Its addresses are given when it starts to listen.
package struct ProxyOptions: Sendable {
    /// Host names are `<backend>.<clusterName>`.
    package var clusterName: String
    /// `/_plane_backend=NAME/…` names a backend too, on hosts that are not below the cluster's domain.
    package var allowsPathRouting = false
    /// Where requests go whose name nobody knows, without a token check; nil answers 404.
    package var passthrough: SocketAddress?
    /// Believe `X-Forwarded-*` and the like of clients and add to them. Only where nothing but trusted proxies can connect.
    package var trustsForwarding = false
    /// Let backends see the token and the cookie that opened the way to them.
    package var showsTokenToBackend = false
    /// Where a line is written for every request; nil writes none.
    package var accessLog: AccessLog?
    package var limits = ProxyLimits()

    package init(clusterName: String) {
        self.clusterName = clusterName
    }
}
