import ACME
import ArgumentParser
import CertificateCore
import CertificateCoreConfiguration
import ConfigurationFiles
import Logging
import NATS
import PlaneMessaging
import PlaneMessagingConfiguration
import PlaneService
import ServiceLifecycle

/// Orders and renews the wildcard certificate of a cluster.
@main struct CertRefresherMain: ServiceCommand {
    static let configuration = CommandConfiguration(
        commandName: "cert-refresher",
        abstract: "Orders the certificate of the cluster, and renews it in time.",
        usage: "cert-refresher [options] [<configuration-file>]",
        version: BuildInformation.version)

    @OptionGroup var options: ServiceOptions

    @Flag(help: "Order a certificate if there is none or it is time to renew, and exit: with 0 if there is a fresh one, otherwise with 1.")
    var once = false

    func makeServices(_ settings: CertRefresherSettings, logger: Logger) async throws -> [any Service] {
        let connection = try await NATSConnection.connect(
            settings.nats.options(name: "cert-refresher", inboxPrefix: settings.inboxPrefix), logger: logger)
        let solver = PublishedChallenge(
            cluster: settings.drone.cluster, bus: PlaneBus(connection: connection, replySubjects: settings.nats.replySubjects, logger: logger),
            visibility: ChallengeVisibility(settings.visibility, logger: logger), logger: logger)
        let authority = ACMEAuthority(
            try settings.clientOptions(), transport: settings.transport, accountKey: settings.accountKey, keyKind: settings.keyKind,
            solver: solver)
        let refresher = CertificateRefresher(
            CertificateRefresher.Options(names: settings.names, runsOnce: self.once), files: settings.files, authority: authority,
            sharing: settings.sharing(connection.jetStream, logger: logger), logger: logger)
        return [NATSConnectionService(connection), RefresherService(refresher: refresher)]
    }
}

/// With `--once` the process ends when this service does.
struct RefresherService: FinishingService {
    let refresher: CertificateRefresher

    func run() async throws { try await self.refresher.run() }
}
