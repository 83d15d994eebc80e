import ACME
import CertificateCore
import CertificateCoreConfiguration
import ConfigurationFiles
import ConfigurationReading
import Logging
import NATS
import PlaneMessagingConfiguration
import PlaneProtocol
import PlaneService

/// The settings of `cert-refresher`, from `drone.toml`.
struct CertRefresherSettings: ServiceSettings {
    var drone: DroneConfiguration
    var nats: NATSConfiguration
    var acme: ACMEConfiguration
    var cert: CertConfiguration

    var log: LogConfiguration { self.drone.log }
    var metrics: MetricsConfiguration { self.drone.acmeMetrics }

    init?(_ reader: inout ConfigReader) {
        reader.removeSecrets(of: "proxy")
        reader.demandTable("nats", for: "cert-refresher")
        reader.demandTable("acme", for: "cert-refresher")
        guard let drone = DroneConfiguration(&reader), let nats = drone.nats, let acme = drone.acme, let cert = drone.cert else { return nil }
        self.drone = drone
        self.nats = nats
        self.acme = acme
        self.cert = cert
    }

    /// The prefix that an account's permissions may allow (dev/docs/protocol.md, Rules for every message).
    var inboxPrefix: String { "cluster.\(self.drone.cluster.subjectToken).inbox.refresher" }

    /// The cluster's own name, and a wildcard for everything one label below it.
    var names: [String] {
        let domain = self.drone.cluster.domain.lowercased()
        return [domain, "*.\(domain)"]
    }

    var files: CertificateFiles { CertificateFiles(certPath: self.cert.certPath, keyPath: self.cert.keyPath) }

    var accountKey: AccountKeyFile { AccountKeyFile(path: self.cert.accountKeyPath ?? "\(self.cert.keyPath).account") }

    var keyKind: CertificateKey.Kind {
        switch self.cert.keyType {
        case .p256: .p256
        case .rsa4096: .rsa4096
        }
    }

    var transport: HTTPClientTransport.Options {
        HTTPClientTransport.Options(userAgent: "plane/\(BuildInformation.version)", trustedRootsPath: self.acme.caPath)
    }

    func sharing(_ jetStream: JetStream, logger: Logger) -> SharedStream? {
        self.cert.sharedSecret.map {
            SharedStream(
                cluster: self.drone.cluster, sealer: CertificateSealer(secret: $0, cluster: self.drone.cluster), jetStream: jetStream, logger: logger)
        }
    }

    var visibility: ChallengeVisibility.Options {
        var options = ChallengeVisibility.Options()
        options.servers = self.acme.dnsServers
        options.limit = self.acme.propagationTimeout
        options.resolvers = SystemResolvers.addresses()
        return options
    }

    func clientOptions() throws -> ACMEClient.Options {
        ACMEClient.Options(
            directoryURL: self.acme.server, contacts: ["mailto:\(self.acme.adminEmail)"],
            externalAccount: try self.acme.externalAccount.map { try ExternalAccount(keyID: $0.keyID, key: $0.key.exposed) })
    }
}
