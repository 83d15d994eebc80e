import ArgumentParser
import ConfigurationFiles
import GatewayHTTP
import GatewayHTTPConfiguration
import Logging
import NATS
import PlaneMessaging
import PlaneMessagingConfiguration
import PlaneService
import ServiceLifecycle

@main struct GatewayMain: ServiceCommand {
    static let configuration = CommandConfiguration(
        commandName: "gateway",
        abstract: "Serves the HTTP interface for applications, and a page for people. Keeps nothing; any number may run.",
        usage: "gateway [options] [<configuration-file>]",
        version: BuildInformation.version)

    @OptionGroup var options: ServiceOptions

    /// How long requests that are being answered may go on after SIGTERM, as in Plane 0.5. Event streams are closed at once, since clients
    /// reconnect by themselves.
    static var gracefulShutdownLimit: Duration { .seconds(8) }

    func makeServices(_ settings: GatewaySettings, logger: Logger) async throws -> [any Service] {
        // Until the connection is made the gateway answers with errors.
        let connection = NATSConnection.unopened(settings.nats.options(name: "gateway", inboxPrefix: "controller.inbox.gateway"), logger: logger)
        let bus = PlaneBus(connection: connection, replySubjects: settings.nats.replySubjects, logger: logger)
        return [
            NATSConnectionService(connection, opens: true),
            Gateway(bus: bus, configuration: settings.gateway, legacy: settings.http, logger: logger),
        ]
    }
}
