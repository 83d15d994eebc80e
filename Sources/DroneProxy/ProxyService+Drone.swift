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
    /// Makes the service of a drone's proxy.
    package static func bind(
        _ settings: DroneProxySettings, server: ProxyServer, sockets: ListeningSockets, logger: Logger
    ) async throws -> ProxyService {
        let certificates = settings.certificateFiles.map { CertificateStore(files: $0, offersHTTP2: settings.drone.proxy.http2, logger: logger) }
        return try await self.bind(
            settings.visitors.bindings(certificates) + Self.innerBindings(settings, logger: logger), program: "drone-proxy", server: server, sockets: sockets,
            certificates: certificates,
            replacedDeadline: settings.drone.proxy.replacedDeadline.map { TimeAmount($0) }, logger: logger)
    }

    /// The listener for the tier. It only speaks HTTP/1.1, since the tier keeps its connections and also sends WebSockets over them.
    private static func innerBindings(_ settings: DroneProxySettings, logger: Logger) -> [Binding] {
        guard let port = settings.innerPort else { return [] }
        let files = settings.servesInnerTLS ? settings.certificateFiles : nil
        let certificates = files.map { CertificateStore(files: $0, offersHTTP2: false, logger: logger) }
        let endpoint = SocketEndpoint(ip: settings.drone.proxy.bindIP, port: port)
        return [Binding(name: "inner", listener: settings.innerListener(certificates), endpoint: endpoint)]
    }
}
