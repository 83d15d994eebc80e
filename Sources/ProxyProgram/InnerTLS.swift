import NIOSSL
package import PlaneProtocol
package import ProxyCore
package import ProxyCoreConfiguration

/// How proxies of one cluster speak to one another.
package enum InnerTLS {
    /// They are known by their addresses, and their certificates are for the cluster's name.
    ///
    /// - Returns: Nil where they speak in the clear.
    package static func client(_ proxy: ProxyConfiguration, hasCertificate: Bool, cluster: ClusterName) throws -> UpstreamTLS? {
        guard proxy.innerTLS ?? hasCertificate else { return nil }
        var configuration = TLSConfiguration.makeClientConfiguration()
        if let path = proxy.innerCAPath { configuration.trustRoots = .file(path) }
        configuration.applicationProtocols = ["http/1.1"]
        return UpstreamTLS(context: try NIOSSLContext(configuration: configuration), serverName: cluster.domain)
    }
}
