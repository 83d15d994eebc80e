import CertificateCoreConfiguration
package import ConfigurationFiles
package import ConfigurationReading
import Logging
import NetworkAddresses
package import PlaneMessagingConfiguration
package import PlaneProtocol
package import PlaneService
import ProxyCore
import ProxyCoreConfiguration
import ProxyPages
import ProxyProgram
import TierHop
package import TierProxyPolicy
import VisitorTokens

/// The settings of a proxy of the tier, from a file with the same tables as a drone's.
package struct TierProxySettings: ServiceSettings {
    package let drone: DroneConfiguration
    package let nats: NATSConfiguration
    let visitors: VisitorPorts
    private let hopSecret: HopSecret
    private let tokenKeys: [TokenPublicKey]
    /// Beside that of the file, with the folders of their certificates.
    private let otherClusters: [(cluster: ClusterName, folder: String)]

    package var log: LogConfiguration { self.drone.log }
    package var metrics: MetricsConfiguration { self.drone.proxyMetrics }

    package init?(_ reader: inout ConfigReader) {
        reader.demandTable("nats", for: "gateway-proxy")
        // Of these tables only the paths of the certificate are needed, so their secrets are not kept.
        reader.removeSecrets(of: "cert", "acme")
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
        let tokenKeys = drone.proxy.tokenKeys.compactMap { TokenPublicKey(text: $0) }
        if let index = drone.proxy.tokenKeys.firstIndex(where: { TokenPublicKey(text: $0) == nil }) {
            // The text itself is not shown: it may be a private key that was written here by mistake.
            reader.mistake("proxy.token_keys", ConfigFault(nil, element: index), expectation: "a list, each \(TokenPublicKey.expectation)")
        }
        if tokenKeys.count > Self.tokenKeyLimit {
            reader.mistake("proxy.token_keys", found: "\(tokenKeys.count) keys", expectation: "at most \(Self.tokenKeyLimit)")
        }
        var clusters: [(cluster: ClusterName, folder: String)] = []
        for (name, folder) in drone.proxy.clusters.sorted(by: { $0.key < $1.key }) {
            guard let cluster = ClusterName(rawValue: name), cluster.isDomainWithPort, cluster.domain != drone.cluster.domain,
                !clusters.contains(where: { $0.cluster.domain == cluster.domain })
            else {
                reader.mistake("proxy.clusters", found: name, expectation: "names of clusters, none of them twice and without that of cluster_domain")
                continue
            }
            clusters.append((cluster, folder))
        }
        if clusters.count > Self.clusterLimit {
            reader.mistake("proxy.clusters", found: "\(clusters.count) clusters", expectation: "at most \(Self.clusterLimit)")
        }
        if let port = drone.proxy.innerPort, port != 0, port == drone.proxy.httpPort || port == visitors.httpsPort {
            reader.mistake("proxy.inner_port", found: "\(port)", expectation: "another port than visitors have")
        }
        guard let nats = drone.nats else { return nil }
        self.drone = drone
        self.nats = nats
        self.visitors = visitors
        self.hopSecret = hopSecret
        self.tokenKeys = tokenKeys
        self.otherClusters = clusters
    }

    /// Each of them reads the whole state once more.
    private static let clusterLimit = 64

    /// Two of each gateway's are valid while one takes the place of another.
    private static let tokenKeyLimit = 16

    package var cluster: ClusterName { self.drone.cluster }
    /// All that are served.
    package var clusters: [ClusterName] { [self.cluster] + self.otherClusters.map(\.cluster) }

    /// The id in the file, or a new one for this process.
    package func proxyID(using generator: inout some RandomNumberGenerator) -> ProxyID {
        if let id = self.drone.droneID.flatMap({ ProxyID(rawValue: $0.rawValue) }) { return id }
        let digits = Array("abcdefghijklmnopqrstuvwxyz0123456789")
        let text = String((0..<14).map { _ in digits[Int.random(in: 0..<digits.count, using: &generator)] })
        guard let id = ProxyID(rawValue: "px-\(text)") else { preconditionFailure("letters and digits make a proxy's id") }
        return id
    }

    /// Begins with the prefix of the services' inboxes, which an account's permissions may allow (dev/docs/protocol.md, Rules for every message).
    package var inboxPrefix: String { "cluster.\(self.cluster.subjectToken).inbox.tier" }

    /// - Parameters:
    ///   - cluster: One of those that are served.
    ///   - openFiles: How many descriptors the process may have.
    package func proxyOptions(for cluster: ClusterName, openFiles: Int) throws -> TierProxyOptions {
        var options = TierProxyOptions(cluster: cluster, hopSecret: self.hopSecret, serverName: "Plane/\(BuildInformation.version)")
        let hold = options.limits.hold
        options.rootRedirect = self.drone.proxy.rootRedirectURL
        options.pages = self.drone.proxy.pages.isEnabled ? VisitorPages(self.drone.proxy.pages) : nil
        options.accessLog = AccessLogFormat(rawValue: self.drone.proxy.accessLog.rawValue).map { AccessLog(format: $0) }
        options.limits = self.drone.proxy.limits
        options.limits.hold = self.drone.proxy.hold ?? hold
        options.limits.fit(openFiles: openFiles)
        options.tokenKeys = self.tokenKeys
        options.hopTLS = try InnerTLS.client(self.drone.proxy, hasCertificate: self.drone.cert != nil, cluster: cluster)
        return options
    }

    /// Nil where there is no HTTPS.
    func certificates(offersHTTP2: Bool, logger: Logger) -> CertificateStore? {
        self.visitors.certificateFiles.map { files in
            let others = self.otherClusters.map { cluster, folder in
                let files = CertificatePaths(certificatePath: "\(folder)/cert.pem", keyPath: "\(folder)/key.pem")
                let store = CertificateStore(files: files, offersHTTP2: offersHTTP2, cluster: cluster.rawValue, logger: logger)
                return (cluster.domain.lowercased(), store)
            }
            return CertificateStore(files: files, offersHTTP2: offersHTTP2, others: Dictionary(others) { first, _ in first }, logger: logger)
        }
    }

    /// For the proxies of drones that pass on what is not for them. HTTP/1.1 only, as between all proxies of a cluster.
    func innerBindings(logger: Logger) -> [ProxyService.Binding] {
        guard let port = self.drone.proxy.innerPort else { return [] }
        let hasTLS = self.drone.proxy.innerTLS ?? (self.drone.cert != nil)
        var listener = ProxyListener(hasTLS ? self.certificates(offersHTTP2: false, logger: logger).map { .https($0) } ?? .http : .http)
        listener.isInner = true
        return [
            ProxyService.Binding(name: "inner", listener: listener, endpoint: SocketEndpoint(ip: self.drone.proxy.bindIP, port: port))
        ]
    }
}
