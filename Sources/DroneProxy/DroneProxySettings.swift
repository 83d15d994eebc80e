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

/// What the proxy needs of `drone.toml`.
package struct DroneProxySettings: ServiceSettings {
    package var drone: DroneConfiguration
    private var proxyProtocolSources: [AddressRange] = []

    package var log: LogConfiguration { self.drone.log }
    package var metrics: MetricsConfiguration { self.drone.proxyMetrics }

    package init?(_ reader: inout ConfigReader) {
        // It speaks to nobody but visitors and backends.
        reader.leaveSecrets(of: "nats", "cert", "acme")
        guard let drone = DroneConfiguration(&reader) else { return nil }
        self.drone = drone
        self.checkPorts(&reader)
        for text in drone.proxy.proxyProtocolFrom {
            if let range = AddressRange(text) {
                self.proxyProtocolSources.append(range)
            } else {
                reader.mistake("proxy.proxy_protocol_from", found: text, expectation: "an address or a network such as 10.0.0.0/8")
            }
        }
    }

    /// Whoever asks for TLS must not be served in the clear without noticing.
    private func checkPorts(_ reader: inout ConfigReader) {
        if self.drone.cert == nil, let port = self.drone.proxy.publicHTTPSPort {
            reader.mistake("proxy.public_https_port", found: "\(port)", expectation: "a table cert beside it, for without one there is no HTTPS")
        }
        if self.drone.cert == nil, let port = self.drone.proxy.httpsPort {
            reader.mistake("proxy.https_port", found: "\(port)", expectation: "a table cert beside it, which names the certificate to serve")
        }
        if let httpsPort, httpsPort != 0, httpsPort == self.drone.proxy.httpPort {
            reader.mistake("proxy.https_port", found: "\(httpsPort)", expectation: "another port than proxy.http_port")
        }
    }

    /// Nil where there is no certificate: then `http_port` serves backends in the clear, otherwise it leads everybody to this one.
    var httpsPort: UInt16? {
        self.drone.cert == nil ? nil : self.drone.proxy.httpsPort ?? 443
    }

    /// Where the port for plain HTTP leads; nil where there is no certificate.
    var redirectPort: UInt16? { self.httpsPort.map { self.drone.proxy.publicHTTPSPort ?? $0 } }

    var certificateFiles: CertificatePaths? {
        self.drone.cert.map { CertificatePaths(certificatePath: $0.certPath, keyPath: $0.keyPath) }
    }

    func listener(_ purpose: ProxyListener.Purpose) -> ProxyListener {
        var listener = ProxyListener(purpose)
        listener.proxyProtocolSources = self.proxyProtocolSources
        return listener
    }

    func address(port: UInt16) throws -> SocketAddress {
        try SocketAddress(SocketEndpoint(ip: self.drone.proxy.bindIP, port: port))
    }

    /// - Parameter openFiles: How many descriptors the process may have.
    package func proxyOptions(openFiles: Int) throws -> DroneProxyOptions {
        var options = DroneProxyOptions(clusterName: self.drone.cluster.rawValue)
        options.allowsPathRouting = self.drone.proxy.allowPathRouting
        options.passthrough = try self.drone.proxy.passthrough.map(SocketAddress.init)
        options.allowsPreflights = self.drone.proxy.allowPreflight
        options.strictTransportSecurity = self.drone.proxy.hstsMaxAge?.components.seconds
        options.trustsForwarding = self.drone.proxy.trustForwarded
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
