import CertificateCoreConfiguration
package import ConfigurationFiles
package import ConfigurationReading
import NIOSSL
package import PlaneMessagingConfiguration
package import PlaneProtocol
package import PlaneService
import ProxyCore
import ProxyCoreConfiguration
import ProxyProgram
import TierHop
package import TierProxyPolicy

/// What a proxy of the tier needs of its file, which has the tables of a drone's.
package struct TierProxySettings: ServiceSettings {
    package let drone: DroneConfiguration
    package let nats: NATSConfiguration
    let visitors: VisitorPorts
    private let hopSecret: HopSecret

    package var log: LogConfiguration { self.drone.log }
    package var metrics: MetricsConfiguration { self.drone.proxyMetrics }

    package init?(_ reader: inout ConfigReader) {
        reader.demandTable("nats", for: "gateway-proxy")
        // The certificate's files are all it needs of those.
        reader.leaveSecrets(of: "cert", "acme")
        guard let drone = DroneConfiguration(&reader) else { return nil }
        let visitors = VisitorPorts(drone.proxy, drone.cert, &reader)
        guard let secret = drone.proxy.innerSecret else {
            reader.missing("proxy.inner_secret", expectation: "\(HopSecret.expectation), the same as on the cluster's drones")
            return nil
        }
        guard let hopSecret = HopSecret(secret) else {
            reader.mistake("proxy.inner_secret", found: "something else (not shown, it may be secret)", expectation: HopSecret.expectation)
            return nil
        }
        guard let nats = drone.nats else { return nil }
        self.drone = drone
        self.nats = nats
        self.visitors = visitors
        self.hopSecret = hopSecret
    }

    package var cluster: ClusterName { self.drone.cluster }

    /// As in the file, or one for this process.
    package func proxyID(using generator: inout some RandomNumberGenerator) -> ProxyID {
        if let id = self.drone.droneID.flatMap({ ProxyID(rawValue: $0.rawValue) }) { return id }
        let digits = Array("abcdefghijklmnopqrstuvwxyz0123456789")
        let text = String((0..<14).map { _ in digits[Int.random(in: 0..<digits.count, using: &generator)] })
        guard let id = ProxyID(rawValue: "px-\(text)") else { preconditionFailure("letters and digits make a proxy's id") }
        return id
    }

    /// Below the prefix that services' inboxes have, to which an account's permissions may be bound (dev/docs/protocol.md, Rules for every message).
    package var inboxPrefix: String { "cluster.\(self.cluster.subjectToken).inbox.tier" }

    /// - Parameter openFiles: How many descriptors the process may have.
    package func proxyOptions(openFiles: Int) throws -> TierProxyOptions {
        var options = TierProxyOptions(
            clusterName: self.cluster.rawValue, hopSecret: self.hopSecret, serverName: "Plane/\(BuildInformation.version)")
        let hold = options.limits.hold
        options.rootRedirect = self.drone.proxy.rootRedirectURL
        options.accessLog = AccessLogFormat(rawValue: self.drone.proxy.accessLog.rawValue).map { AccessLog(format: $0) }
        options.limits = self.drone.proxy.limits
        options.limits.hold = self.drone.proxy.hold ?? hold
        options.limits.fit(openFiles: openFiles)
        options.hopTLS = try self.hopTLS()
        return options
    }

    /// Drones are known by their addresses, and their certificates are for the cluster's name.
    private func hopTLS() throws -> UpstreamTLS? {
        guard self.drone.proxy.innerTLS ?? (self.drone.cert != nil) else { return nil }
        var configuration = TLSConfiguration.makeClientConfiguration()
        if let path = self.drone.proxy.innerCAPath { configuration.trustRoots = .file(path) }
        configuration.applicationProtocols = ["http/1.1"]
        return UpstreamTLS(context: try NIOSSLContext(configuration: configuration), serverName: self.cluster.domain)
    }
}
