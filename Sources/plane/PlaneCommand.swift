import ArgumentParser
import PlaneService

@main enum PlaneMain {
    /// Runs the command. With its help, and for a command line that cannot be parsed, an example is shown.
    static func main() async {
        do {
            var command = try PlaneCommand.parseAsRoot()
            if var command = command as? any AsyncParsableCommand { try await command.run() } else { try command.run() }
        } catch {
            let arguments = Array(CommandLine.arguments.dropFirst())
            if PlaneCommand.exitCode(for: error) == .validationFailure, let hint = UsageHint.text(for: arguments) {
                Console.current.note(UsageHint.answer(PlaneCommand.fullMessage(for: error), hint: hint))
                PlaneCommand.exit(withError: ExitCode.validationFailure)
            }
            if PlaneCommand.exitCode(for: error) == .success, let help = UsageHint.withExample(PlaneCommand.fullMessage(for: error)) {
                Console.current.line(help)
                PlaneCommand.exit(withError: ExitCode.success)
            }
            PlaneCommand.exit(withError: error)
        }
    }
}

/// `plane`, with which operators and developers use a running system. It uses nothing but NATS.
struct PlaneCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plane",
        abstract: "Run and watch session backends.",
        usage: "plane [options] <command>",
        discussion: """
            Begin with:
              plane status                             the whole system at a glance
              plane spawn plane.localhost plane-demo   a backend of the demo image
              plane doctor                             when something does not work
              plane help COMMAND                       options, and an example

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
            TopCommand.self, ConnectionsCommand.self, TerminateCommand.self, RestartCommand.self, ExecCommand.self,
            ShellCommand.self, CopyCommand.self, DrainCommand.self, DoctorCommand.self, CleanupCommand.self,
            MarkBackendLostCommand.self, DumpStateCommand.self, StreamStateCommand.self, CompletionsCommand.self,
            ReferenceCommand.self,
        ])

    /// These options are accepted before the subcommand's name as well as after it.
    @OptionGroup(title: "Connection and output") var global: GlobalOptions
}
