import ArgumentParser
import PlaneService

/// `plane`: what an operator or developer asks of a running system. Everything goes over NATS; there is no other door.
@main
struct PlaneCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plane",
        abstract: "Run and watch session backends.",
        discussion: """
            Exit status:
            \(CommandStatus.table)

            Environment:
              PLANE_NATS_URL          used where --nats is not given
              PLANE_NATS_CREDENTIALS  used where --nats-creds is not given
              NO_COLOR                no colours on a terminal
            """,
        version: BuildInformation.version,
        subcommands: [
            SpawnCommand.self, StatusCommand.self, WhyCommand.self, ListDronesCommand.self, ListBackendsCommand.self, LogsCommand.self,
            TopCommand.self, ConnectionsCommand.self, TerminateCommand.self, DrainCommand.self, DoctorCommand.self, CleanupCommand.self,
            MarkBackendLostCommand.self, DumpStateCommand.self, StreamStateCommand.self, CompletionsCommand.self,
        ])

    /// Accepted before the subcommand's name as well as after it.
    @OptionGroup(title: "Connection and output") var global: GlobalOptions
}
