import ArgumentParser
import PlaneClient
import PlaneProtocol

struct LogsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs", abstract: "Show what a backend has printed; the last 500 pieces are kept.", usage: "plane logs [options] <backend>",
        discussion: "What it wrote to its standard error goes to standard error here.")

    @Argument(help: BackendReference.help)
    var backend: BackendReference

    @Flag(name: .shortAndLong, help: "Go on until the backend ends.")
    var follow = false

    @Flag(name: .shortAndLong, help: "Show when each line was printed.")
    var timestamps = false

    @OptionGroup(title: "Connection and output") var global: GlobalOptions

    /// How long after the end of a backend its last lines may come.
    private static let lastLinesDelay: Duration = .seconds(1)

    func run() async throws {
        try await self.global.run { client, console in
            let backend = try await client.find(self.backend).id
            let logs = try await client.logs(of: backend, follows: self.follow)
            if logs.allSatisfy(\.isEmpty), try await client.newestState(of: backend) == nil { throw PlaneError.unknownBackend(backend, nil) }
            guard self.follow else {
                for log in logs { await self.show(log, console) }
                return
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for log in logs { group.addTask { await self.show(log, console) } }
                group.addTask {
                    _ = try await client.waitUntilEnded(backend)
                    try await Task.sleep(for: Self.lastLinesDelay)
                }
                defer { group.cancelAll() }
                try await group.next()
            }
        }
    }

    private func show(_ log: StreamEntries<BackendLogMessage>, _ console: Console) async {
        var openLines: Set<BackendLogMessage.Kind> = []
        for await stored in log {
            let entry = LogEntry(stored.message)
            if self.global.json {
                console.json(entry)
            } else {
                entry.print(timestamps: self.timestamps, continuesLine: openLines.contains(entry.kind), console)
            }
            if entry.endsLine { openLines.remove(entry.kind) } else { openLines.insert(entry.kind) }
        }
    }
}
