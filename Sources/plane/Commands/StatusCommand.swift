import ArgumentParser
import PlaneClient
import PlaneProtocol
import PlaneService

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show the history of one backend, or the whole system at a glance.", usage: "plane status [options] [<backend>]")

    @Argument(help: ArgumentHelp("A backend, by its id, the beginning of it, its host name or its URL; without it, the system.", valueName: "backend"))
    var backend: BackendReference?

    @Flag(name: .shortAndLong, help: "Go on with what happens from now on; of all backends if none is given.")
    var follow = false

    @OptionGroup(title: "Connection and output") var global: GlobalOptions

    func run() async throws {
        try await self.global.run { client, console in
            if let backend = self.backend {
                try await self.history(of: try await client.find(backend), client, console)
            } else if self.follow {
                try await self.everything(client, console)
            } else {
                let overview = SystemOverview(fleet: try await client.readState(), now: .now())
                if self.global.json { return console.json(overview) }
                for line in overview.lines(console) { console.line(line) }
            }
        }
    }

    private func history(of backend: FoundBackend, _ client: PlaneClient, _ console: Console) async throws(PlaneError) {
        let history = try await client.history(of: backend.id, follows: self.follow)
        if history.isEmpty {
            // The public feed forgets what is older than some days.
            let kept = if let cluster = backend.cluster { try await client.keptHistory(of: backend.id, in: cluster).messages } else { [BackendStateMessage]() }
            if kept.isEmpty, !self.follow { throw .unknownBackend(backend.id, nil) }
            for message in kept { self.show(message, console) }
        }
        for try await message in history { self.show(message, console) }
    }

    private func everything(_ client: PlaneClient, _ console: Console) async throws(PlaneError) {
        for await stored in try await client.newStates() { self.show(stored.message, console) }
    }

    private func show(_ message: BackendStateMessage, _ console: Console) {
        if self.global.json { console.json(StateItem(message)) } else { console.line(BackendStatusLine(message).text(console)) }
    }
}
