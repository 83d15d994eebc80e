package import CertificateCoreConfiguration
package import ConfigurationReading
import NIOCore
import NetworkAddresses
package import ProxyCore
package import ProxyCoreConfiguration

/// The ports for visitors of a program with the tables `proxy` and `cert`. With a certificate visitors use HTTPS, and plain HTTP only redirects there;
/// without one they use plain HTTP.
package struct VisitorPorts: Sendable {
    private let proxy: ProxyConfiguration
    private let cert: CertConfiguration?
    private var proxyProtocolSources: [AddressRange] = []

    /// A combination in which TLS is wanted but would not be used is a mistake.
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
        for (index, text) in proxy.proxyProtocolFrom.enumerated() {
            if let range = AddressRange(text) {
                self.proxyProtocolSources.append(range)
            } else {
                reader.mistake(
                    "proxy.proxy_protocol_from", ConfigFault(.string(text), element: index),
                    expectation: "a list, each an address or a network such as 10.0.0.0/8")
            }
        }
    }

    /// Nil without a certificate: then `http_port` serves backends by plain HTTP, and otherwise redirects to this port.
    package var httpsPort: UInt16? { self.cert == nil ? nil : self.proxy.httpsPort ?? 443 }

    /// The port to which plain HTTP redirects; nil without a certificate.
    package var redirectPort: UInt16? { self.httpsPort.map { self.proxy.publicHTTPSPort ?? $0 } }

    package var certificateFiles: CertificatePaths? {
        self.cert.map { CertificatePaths(certificatePath: $0.certPath, keyPath: $0.keyPath) }
    }

    package func listener(_ purpose: ProxyListener.Purpose) -> ProxyListener {
        var listener = ProxyListener(purpose)
        listener.proxyProtocolSources = self.proxyProtocolSources
        return listener
    }

    /// The sockets, with the names by which a successor finds them.
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
