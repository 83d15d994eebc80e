import ArgumentParser
import Logging
import NATS
import PlaneMessaging
import PlaneMessagingConfiguration
import PlaneService
import SchedulerCore
import SchedulerCoreConfiguration
import ServiceLifecycle

@main struct SchedulerMain: ServiceCommand {
    static let configuration = CommandConfiguration(
        commandName: "scheduler",
        abstract: "Places backends on drones and keeps the state of the fleet. Any number may run.",
        usage: "scheduler [options] [<configuration-file>]",
        version: BuildInformation.version)

    @OptionGroup var options: ServiceOptions

    func makeServices(_ settings: SchedulerSettings, logger: Logger) async throws -> [any Service] {
        let connection = try await NATSConnection.connect(
            settings.nats.options(name: "scheduler", inboxPrefix: "controller.inbox.scheduler"), logger: logger)
        let bus = PlaneBus(connection: connection, replySubjects: settings.nats.replySubjects, logger: logger)
        return [NATSConnectionService(connection), Scheduler(bus: bus, configuration: settings.scheduler, logger: logger)]
    }
}
