import ArgumentParser
import PlaneClient
import PlaneProtocol
import Synchronization

extension UsageTable.Order: ExpressibleByArgument {}

struct TopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top", abstract: "Show what backends use of their drones, live.", usage: "plane top [options] [<backend>]",
        discussion: "CPU is the share of all processors of the drone together. With --json each sample is a line.", aliases: ["stats"])

    @Argument(help: ArgumentHelp("Only this backend, by its id, the beginning of it, its host name or its URL.", valueName: "backend"))
    var backend: BackendReference?

    @Option(help: "Only this cluster.")
    var cluster: ClusterName?

    @Option(help: "What comes first.")
    var sort: UsageTable.Order = .cpu

    @Flag(help: "Listen for one round of samples, show them and end.")
    var once = false

    @OptionGroup(title: "Connection and output") var global: GlobalOptions

    /// How long to collect samples: agents publish one of each backend about every 5 s.
    private static let roundLength: Duration = .seconds(7)
    private static let refreshInterval: Duration = .seconds(1)

    func run() async throws {
        try await self.global.run { client, console in
            var backend: BackendID?
            if let reference = self.backend { backend = try await client.find(reference).id }
            let usage = try await client.usage(of: backend)
            let machines = self.global.json ? nil : try client.machineUsage()
            let table = SharedTable()
            await withTaskGroup(of: Void.self) { group in
                for samples in usage { group.addTask { await self.listen(to: samples, table: table, console) } }
                if let machines {
                    group.addTask { for await machine in machines { table.value.withLock { $0.heard(machine) } } }
                }
                if self.once || !self.global.json { group.addTask { await self.show(table, console) } }
                await group.next()
                group.cancelAll()
            }
        }
    }

    private func listen(to samples: PublishedMessages<BackendStatsMessage>, table: SharedTable, _ console: Console) async {
        for await sample in samples where self.cluster == nil || sample.cluster == self.cluster {
            if self.global.json { console.json(UsageItem(sample: sample)) } else { table.value.withLock { $0.heard(sample, at: .now) } }
        }
    }

    /// Shows the table. Ends after one round with `--once`, and otherwise when the task is cancelled.
    private func show(_ table: SharedTable, _ console: Console) async {
        if self.once {
            try? await Task.sleep(for: Self.roundLength)
            guard !self.global.json else { return }
            for line in table.value.withLock({ $0.lines(by: self.sort, console) }) { console.line(line) }
            return
        }
        while !Task.isCancelled {
            let lines = table.value.withLock { table in
                table.forgetSilent(at: .now)
                return table.lines(by: self.sort, console)
            }
            // On a terminal each table replaces the one before; otherwise they follow each other.
            console.writeOut((console.usesColours ? "\u{1b}[H\u{1b}[2J" : "") + lines.joined(separator: "\n") + "\n")
            try? await Task.sleep(for: Self.refreshInterval)
        }
    }
}

/// Written by the task that listens, read by the one that draws.
private final class SharedTable: Sendable {
    let value = Mutex(UsageTable())
}
