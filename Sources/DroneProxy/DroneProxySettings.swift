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
import TierHop

/// What the proxy needs of `drone.toml`.
package struct DroneProxySettings: ServiceSettings {
    package var drone: DroneConfiguration
    private var proxyProtocolSources: [AddressRange] = []
    private var hopSecret: HopSecret?

    package var log: LogConfiguration { self.drone.log }
    package var metrics: MetricsConfiguration { self.drone.proxyMetrics }

    package init?(_ reader: inout ConfigReader) {
        // It speaks to nobody but visitors and backends.
        reader.leaveSecrets(of: "nats", "cert", "acme")
        guard let drone = DroneConfiguration(&reader) else { return nil }
        self.drone = drone
        self.checkPorts(&reader)
        self.readInner(&reader)
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

    /// What is for the tier.
    private mutating func readInner(_ reader: inout ConfigReader) {
        let proxy = self.drone.proxy
        if let secret = proxy.innerSecret {
            self.hopSecret = HopSecret(secret)
            if self.hopSecret == nil {
                reader.mistake("proxy.inner_secret", found: "something else (not shown, it may be secret)", expectation: HopSecret.expectation)
            }
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

    /// Where the tier's requests come; nil takes none.
    var innerPort: UInt16? { self.drone.proxy.innerPort }

    var servesInnerTLS: Bool { self.drone.proxy.innerTLS ?? (self.drone.cert != nil) }

    func innerListener(_ certificates: CertificateStore?) -> ProxyListener {
        var listener = ProxyListener(certificates.map { .https($0) } ?? .http)
        listener.isInner = true
        return listener
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
        options.hopSecret = self.hopSecret
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
