import CertificateCoreConfiguration
import ConfigurationFiles
package import Logging
import NIOCore
import NetworkAddresses
package import PlaneService
package import ProxyCore
import ProxyCoreConfiguration
package import ProxyProgram

extension ProxyService {
    /// The service of a drone's proxy.
    package static func bind(
        _ settings: DroneProxySettings, server: ProxyServer, sockets: ListeningSockets, logger: Logger
    ) async throws -> ProxyService {
        let certificates = settings.certificateFiles.map { CertificateStore(files: $0, offersHTTP2: settings.drone.proxy.http2, logger: logger) }
        return try await self.bind(
            Self.bindings(settings, certificates) + Self.innerBindings(settings, logger: logger), program: "drone-proxy", server: server, sockets: sockets, certificates: certificates,
            replacedDeadline: settings.drone.proxy.replacedDeadline.map { TimeAmount($0) }, logger: logger)
    }

    /// With a certificate HTTPS, and plain HTTP only to lead there; without one plain HTTP. Sockets go to a successor by name.
    private static func bindings(_ settings: DroneProxySettings, _ certificates: CertificateStore?) -> [Binding] {
        func binding(_ name: String, _ purpose: ProxyListener.Purpose, _ port: UInt16) -> Binding {
            Binding(name: name, listener: settings.listener(purpose), endpoint: SocketEndpoint(ip: settings.drone.proxy.bindIP, port: port))
        }
        let httpPort = settings.drone.proxy.httpPort
        guard let certificates, let httpsPort = settings.httpsPort, let redirectPort = settings.redirectPort else {
            return [binding("http", .http, httpPort)]
        }
        return [
            binding("https", .https(certificates), httpsPort),
            binding("http", .redirect(httpsPort: redirectPort), httpPort),
        ]
    }

    /// For the tier. HTTP/1.1 only: its requests come on connections that it keeps, and WebSockets among them.
    private static func innerBindings(_ settings: DroneProxySettings, logger: Logger) -> [Binding] {
        guard let port = settings.innerPort else { return [] }
        let files = settings.servesInnerTLS ? settings.certificateFiles : nil
        let certificates = files.map { CertificateStore(files: $0, offersHTTP2: false, logger: logger) }
        let endpoint = SocketEndpoint(ip: settings.drone.proxy.bindIP, port: port)
        return [Binding(name: "inner", listener: settings.innerListener(certificates), endpoint: endpoint)]
    }
}
