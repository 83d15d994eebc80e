import ArgumentParser
import ClusterNames
import ClusterNamesConfiguration
import DNSCore
import Logging
import LogKeys
import NATS
import NetworkAddresses
import NIOCore
import NIOPosix
import PlaneMessaging
import PlaneMessagingConfiguration
import PlaneService
import ServiceLifecycle

/// The name server of all clusters.
@main struct DNSMain: ServiceCommand {
    static let configuration = CommandConfiguration(
        commandName: "dns",
        abstract: "Answers for the names of backends, and for the challenges of certificate authorities. Any number may run.",
        usage: "dns [options] [<configuration-file>]",
        version: BuildInformation.version)

    @OptionGroup var options: ServiceOptions

    /// Listens first, so that a port in use is reported before anything is started. While the server waits for NATS, resolvers are told to ask another one.
    func makeServices(_ settings: DNSSettings, logger: Logger) async throws -> [any Service] {
        if settings.zones.nameServers.isEmpty {
            logger.warning("dns.domain_name is not set: there are no NS records, and strict resolvers will not accept the delegation")
        }
        let fleet = ZoneStore(settings: settings.zones, clusters: settings.dns.clusters)
        let server = DNSServer(source: fleet, configuration: try settings.serverConfiguration(), group: .singleton)
        let address: SocketAddress
        do {
            address = try await server.start()
        } catch {
            throw ListeningError(
                error, to: "answer DNS", on: SocketEndpoint(ip: settings.dns.bindIP, port: settings.dns.port), keys: ["dns.bind_ip", "dns.port"],
                usualHolder: settings.dns.port == 53
                    ? "often systemd-resolved, which holds 127.0.0.53: let dns.bind_ip be this machine's own address; see ss -lnup" : nil)
        }
        logger.info("dns listens", metadata: [LogKey.port: "\(address.port ?? 0)"])
        let connection = try await NATSConnection.connect(settings.nats.options(name: "dns", inboxPrefix: "controller.inbox.dns"), logger: logger)
        return [
            NATSConnectionService(connection), NameServer(server: server, fleet: fleet, jetStream: connection.jetStream, logger: logger),
        ]
    }
}
