import NIOCore
package import ProxyCore
package import TierHop

/// How a proxy of the tier behaves.
package struct TierProxyOptions: Sendable {
    /// With the port that visitors use, where it is not 443.
    package var clusterName: String
    /// What the drones' proxies are shown.
    package var hopSecret: HopSecret
    /// How they are spoken to; nil speaks in the clear.
    package var hopTLS: UpstreamTLS?
    /// Where `/` leads; nil answers 400. A URL.
    package var rootRedirect: String?
    /// What the field `Server` says.
    package var serverName: String
    /// Where a line is written for every request; nil writes none.
    package var accessLog: AccessLog?
    package var limits = ProxyLimits()

    package init(clusterName: String, hopSecret: HopSecret, serverName: String) {
        self.clusterName = clusterName
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
