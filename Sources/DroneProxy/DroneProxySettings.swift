import CertificateCoreConfiguration
package import ConfigurationFiles
package import ConfigurationReading
package import DroneProxyPolicy
import NetworkAddresses
import NIOCore
import PlaneProtocol
package import PlaneService
import ProxyCore
import ProxyCoreConfiguration
import ProxyPages
import ProxyProgram
import TierHop

/// The settings of a drone's proxy, from `drone.toml`.
package struct DroneProxySettings: ServiceSettings {
    package var drone: DroneConfiguration
    let visitors: VisitorPorts
    private var hopSecret: HopSecret?

    package var log: LogConfiguration { self.drone.log }
    package var metrics: MetricsConfiguration { self.drone.proxyMetrics }

    package init?(_ reader: inout ConfigReader) {
        // The proxy connects only to visitors and backends, so the secrets in these tables are not kept.
        reader.removeSecrets(of: "nats", "cert", "acme")
        guard let drone = DroneConfiguration(&reader) else { return nil }
        self.drone = drone
        self.visitors = VisitorPorts(drone.proxy, drone.cert, &reader)
        self.readInner(&reader)
    }

    /// Reads the settings for requests of the tier.
    private mutating func readInner(_ reader: inout ConfigReader) {
        let proxy = self.drone.proxy
        if let secret = proxy.innerSecret {
            self.hopSecret = HopSecret(secret)
            if self.hopSecret == nil {
                reader.mistake("proxy.inner_secret", found: "something else (not shown, it may be secret)", expectation: HopSecret.expectation)
            }
        }
        if proxy.forward != nil, proxy.innerSecret == nil {
            reader.missing("proxy.inner_secret", expectation: "\(HopSecret.expectation), for forward is set")
        }
        guard let port = proxy.innerPort else { return }
        if proxy.innerSecret == nil { reader.missing("proxy.inner_secret", expectation: "\(HopSecret.expectation), for inner_port is set") }
        if port != 0, port == proxy.httpPort || port == self.httpsPort {
            reader.mistake("proxy.inner_port", found: "\(port)", expectation: "another port than visitors have")
        }
        if proxy.innerTLS == true, self.drone.cert == nil {
            reader.mistake("proxy.inner_tls", found: "true", expectation: "a table cert beside it, which names the certificate to serve")
        }
    }

    /// The port at which the proxy accepts requests of the tier; nil if it accepts none.
    var innerPort: UInt16? { self.drone.proxy.innerPort }

    var servesInnerTLS: Bool { self.drone.proxy.innerTLS ?? (self.drone.cert != nil) }

    func innerListener(_ certificates: CertificateStore?) -> ProxyListener {
        var listener = ProxyListener(certificates.map { .https($0) } ?? .http)
        listener.isInner = true
        return listener
    }

    var httpsPort: UInt16? { self.visitors.httpsPort }
    var redirectPort: UInt16? { self.visitors.redirectPort }
    var certificateFiles: CertificatePaths? { self.visitors.certificateFiles }
    func listener(_ purpose: ProxyListener.Purpose) -> ProxyListener { self.visitors.listener(purpose) }

    func address(port: UInt16) throws -> SocketAddress {
        try SocketAddress(SocketEndpoint(ip: self.drone.proxy.bindIP, port: port))
    }

    /// - Parameter openFiles: how many descriptors the process may have.
    package func proxyOptions(openFiles: Int) throws -> DroneProxyOptions {
        var options = DroneProxyOptions(clusterName: self.drone.cluster.rawValue)
        options.allowsPathRouting = self.drone.proxy.allowPathRouting
        options.passthrough = try self.drone.proxy.passthrough.map(SocketAddress.init)
        options.allowsPreflights = self.drone.proxy.allowPreflight
        options.strictTransportSecurity = self.drone.proxy.hstsMaxAge?.components.seconds
        options.trustsForwarding = self.drone.proxy.trustForwarded
        options.hopSecret = self.hopSecret
        options.forward = try self.drone.proxy.forward.map(SocketAddress.init)
        if options.forward != nil {
            options.forwardTLS = try InnerTLS.client(self.drone.proxy, hasCertificate: self.drone.cert != nil, cluster: self.drone.cluster)
        }
        options.accessLog = AccessLogFormat(rawValue: self.drone.proxy.accessLog.rawValue).map { AccessLog(format: $0) }
        options.pages = self.drone.proxy.pages.isEnabled ? VisitorPages(self.drone.proxy.pages) : nil
        options.limits = self.drone.proxy.limits
        options.limits.fit(openFiles: openFiles)
        return options
    }
}

extension SocketAddress {
    init(_ endpoint: SocketEndpoint) throws {
        try self.init(ipAddress: endpoint.ip.description, port: Int(endpoint.port))
    }
}
