import ArgumentParser
import PlaneService
import PlanBProxy

/// A reverse proxy that asks Redis for its backends.
@main struct PlanBMain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "planb",
        abstract: "A reverse proxy that asks Redis which backends serve a host, as Hipache and PlanB do.",
        discussion: "SIGHUP: replace this process by a new one, without losing a connection. SIGTERM, SIGINT: end open requests, then stop. "
            + "SIGUSR1: tell what is going on, and open the access log anew.",
        version: "planb version \(BuildInformation.version)")

    @OptionGroup var flags: PlanBFlags

    @Flag(name: [.customShort("v")], help: .hidden) var showsVersion = false

    static func main() async {
        await Self.main(
            ArgumentNormalization.normalize(Array(CommandLine.arguments.dropFirst()), names: PlanBFlags.names, switches: PlanBFlags.switches))
    }

    func run() async throws {
        if self.showsVersion {
            print(Self.configuration.version)
            return
        }
        do {
            try await PlanBProgram.run(self.flags)
        } catch {
            StandardError.write(Array("planb: \(error)\n".utf8))
            throw ExitCode.failure
        }
    }
}
