import NIOCore
package import PlaneProtocol
package import ProxyCore
package import TierHop
package import VisitorTokens

/// How a proxy of the tier behaves.
package struct TierProxyOptions: Sendable {
    /// With the port that visitors use, where it is not 443.
    package var cluster: ClusterName
    /// What the drones' proxies are shown.
    package var hopSecret: HopSecret
    /// How they are spoken to; nil speaks in the clear.
    package var hopTLS: UpstreamTLS?
    /// By which signed tokens are known; none takes none.
    package var tokenKeys: [TokenPublicKey] = []
    /// Where `/` leads; nil answers 400. A URL.
    package var rootRedirect: String?
    /// What the field `Server` says.
    package var serverName: String
    /// Where a line is written for every request; nil writes none.
    package var accessLog: AccessLog?
    package var limits = ProxyLimits()

    package init(cluster: ClusterName, hopSecret: HopSecret, serverName: String) {
        self.cluster = cluster
        self.hopSecret = hopSecret
        self.serverName = serverName
        // Plane waits for ever; a browser for five minutes.
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
