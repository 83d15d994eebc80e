import ArgumentParser
import PlaneClient
import PlaneProtocol
import PlaneService

struct WhyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "why", abstract: "Tell what happened to a backend, and why it is in its state.", usage: "plane why [options] <backend>")

    @Argument(help: BackendReference.help)
    var backend: BackendReference

    @Option(help: ArgumentHelp("How many of the last lines it printed to show.", valueName: "count"))
    var lines: UInt16 = 10

    @OptionGroup(title: "Connection and output") var global: GlobalOptions

    func run() async throws {
        try await self.global.run { client, console in
            let report = try await client.report(of: try await client.find(self.backend).id, logEntries: Int(self.lines))
            if self.global.json { return console.json(report) }
            for line in report.lines(now: .now(), console) { console.line(line) }
        }
    }
}
