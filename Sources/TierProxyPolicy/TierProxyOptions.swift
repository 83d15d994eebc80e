import NIOCore
package import PlaneProtocol
package import ProxyCore
package import ProxyPages
package import TierHop
package import VisitorTokens

/// The options of a proxy of the tier.
package struct TierProxyOptions: Sendable {
    /// With the port that visitors use, where it is not 443.
    package var cluster: ClusterName
    /// What the drones' proxies are shown.
    package var hopSecret: HopSecret
    /// How TLS is used towards the drones' proxies; nil connects without TLS.
    package var hopTLS: UpstreamTLS?
    /// By which signed tokens are known; none takes none.
    package var tokenKeys: [TokenPublicKey] = []
    /// Where `/` leads; nil answers 400. A URL.
    package var rootRedirect: String?
    /// The pages for browsers where the tier answers by itself; nil gives them what other clients get, which is nothing but the status.
    package var pages: VisitorPages?
    /// The value of the `Server` field.
    package var serverName: String
    /// The access log; nil writes none.
    package var accessLog: AccessLog?
    package var limits = ProxyLimits()

    package init(cluster: ClusterName, hopSecret: HopSecret, serverName: String) {
        self.cluster = cluster
        self.hopSecret = hopSecret
        self.serverName = serverName
        // Plane holds a request without a limit; browsers wait five minutes.
        self.limits.hold = .seconds(300)
        self.limits.connect = .seconds(5)
    }

    var engine: ProxyOptions {
        var options = ProxyOptions()
        options.accessLog = self.accessLog
        options.limits = self.limits
        return options
    }
}
