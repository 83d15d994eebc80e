import NIOCore
import PlaneProtocol
import PlaneService
import ProxyCore

/// What the proxy needs of `drone.toml`.
struct DroneProxySettings: ServiceSettings {
    var drone: DroneConfiguration

    var log: LogConfiguration { self.drone.log }
    var metrics: MetricsConfiguration { self.drone.proxy.metrics }

    init?(_ reader: inout ConfigReader) {
        guard let drone = DroneConfiguration(&reader) else { return nil }
        self.drone = drone
        self.refuseTLS(&reader)
    }

    /// Whoever asks for TLS must not be served in the clear without noticing.
    private func refuseTLS(_ reader: inout ConfigReader) {
        let expectation = "nothing here: this proxy speaks plain HTTP only; put something in front of it that ends TLS"
        if self.drone.cert != nil {
            reader.mistake("cert", found: "a certificate", expectation: expectation)
        }
        if let port = self.drone.proxy.httpsPort {
            reader.mistake("proxy.https_port", found: "\(port)", expectation: expectation)
        }
    }

    func proxyOptions() throws -> ProxyOptions {
        var options = ProxyOptions(clusterName: self.drone.cluster.rawValue)
        options.allowsPathRouting = self.drone.proxy.allowPathRouting
        options.passthrough = try self.drone.proxy.passthrough.map(SocketAddress.init)
        options.limits.hold = TimeAmount(self.drone.proxy.holdTimeout)
        return options
    }
}

extension SocketAddress {
    init(_ endpoint: SocketEndpoint) throws {
        try self.init(ipAddress: endpoint.ip.description, port: Int(endpoint.port))
    }
}
