package import CertificateCoreConfiguration
package import ConfigurationReading
import NIOCore
import NetworkAddresses
package import ProxyCore
package import ProxyCoreConfiguration

/// Where a program with the tables `proxy` and `cert` takes visitors. With a certificate by HTTPS, and in the clear only to lead there; without
/// one in the clear.
package struct VisitorPorts: Sendable {
    private let proxy: ProxyConfiguration
    private let cert: CertConfiguration?
    private var proxyProtocolSources: [AddressRange] = []

    /// Whoever asks for TLS must not be served in the clear without noticing: what does not fit together is a mistake.
    package init(_ proxy: ProxyConfiguration, _ cert: CertConfiguration?, _ reader: inout ConfigReader) {
        self.proxy = proxy
        self.cert = cert
        if cert == nil, let port = proxy.publicHTTPSPort {
            reader.mistake("proxy.public_https_port", found: "\(port)", expectation: "a table cert beside it, for without one there is no HTTPS")
        }
        if cert == nil, let port = proxy.httpsPort {
            reader.mistake("proxy.https_port", found: "\(port)", expectation: "a table cert beside it, which names the certificate to serve")
        }
        if let httpsPort, httpsPort != 0, httpsPort == proxy.httpPort {
            reader.mistake("proxy.https_port", found: "\(httpsPort)", expectation: "another port than proxy.http_port")
        }
        for text in proxy.proxyProtocolFrom {
            if let range = AddressRange(text) {
                self.proxyProtocolSources.append(range)
            } else {
                reader.mistake("proxy.proxy_protocol_from", found: text, expectation: "an address or a network such as 10.0.0.0/8")
            }
        }
    }

    /// Nil where there is no certificate: then `http_port` serves backends in the clear, otherwise it leads everybody to this one.
    package var httpsPort: UInt16? { self.cert == nil ? nil : self.proxy.httpsPort ?? 443 }

    /// Where the port for plain HTTP leads; nil where there is no certificate.
    package var redirectPort: UInt16? { self.httpsPort.map { self.proxy.publicHTTPSPort ?? $0 } }

    package var certificateFiles: CertificatePaths? {
        self.cert.map { CertificatePaths(certificatePath: $0.certPath, keyPath: $0.keyPath) }
    }

    package func listener(_ purpose: ProxyListener.Purpose) -> ProxyListener {
        var listener = ProxyListener(purpose)
        listener.proxyProtocolSources = self.proxyProtocolSources
        return listener
    }

    /// Sockets go to a successor by their names.
    package func bindings(_ certificates: CertificateStore?) -> [ProxyService.Binding] {
        func binding(_ name: String, _ purpose: ProxyListener.Purpose, _ port: UInt16) -> ProxyService.Binding {
            ProxyService.Binding(name: name, listener: self.listener(purpose), endpoint: SocketEndpoint(ip: self.proxy.bindIP, port: port))
        }
        guard let certificates, let httpsPort, let redirectPort else { return [binding("http", .http, self.proxy.httpPort)] }
        return [
            binding("https", .https(certificates), httpsPort),
            binding("http", .redirect(httpsPort: redirectPort), self.proxy.httpPort),
        ]
    }
}
