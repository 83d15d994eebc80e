import ArgumentParser
import PlaneClient

struct DumpStateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dump-state", abstract: "Print the whole shared state as one JSON document, to be kept or searched.", usage: "plane dump-state [options]",
        discussion: "Tokens of backends are left out.")

    @OptionGroup(title: "Connection and output") var global: GlobalOptions

    func run() async throws {
        try await self.global.run { client, console in
            console.json(StateDump(fleet: try await client.readState()))
        }
    }
}
