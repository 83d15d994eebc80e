import ArgumentParser
import NATS
import PlaneMessaging
import PlaneProtocol
import PlaneService

struct LogsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs", abstract: "Show what a backend has printed; the last 500 pieces are kept.",
        discussion: "What it wrote to its standard error goes to standard error here.")

    @Argument(help: ArgumentHelp("The backend.", valueName: "backend"))
    var backend: BackendID

    @Flag(name: .shortAndLong, help: "Go on until the backend ends.")
    var follow = false

    @Flag(name: .shortAndLong, help: "Show when each line was printed.")
    var timestamps = false

    @OptionGroup(title: "Connection and output") var global: GlobalOptions

    /// The last lines follow the end of a backend within this time.
    private static let lastLinesDelay: Duration = .seconds(1)

    func run() async throws {
        try await self.global.run { bus, console in
            let log = BackendLog(bus: bus, backend: self.backend)
            var consumers: [OrderedConsumer] = []
            for subject in try await log.subjects() { consumers.append(try await log.consumer(subject)) }
            if consumers.allSatisfy({ $0.initialPending == 0 }), try await BackendHistory(bus: bus, backend: self.backend).newest() == nil {
                throw CommandFailure(
                    .failed, "Nothing is known of a backend \(self.backend).",
                    advice: "plane list-backends --all shows which there are.")
            }
            guard self.follow else {
                for consumer in consumers where consumer.initialPending > 0 { await self.show(consumer, of: log, untilCaughtUp: true, console) }
                return
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for consumer in consumers {
                    group.addTask { await self.show(consumer, of: log, untilCaughtUp: false, console) }
                }
                group.addTask {
                    try await BackendHistory(bus: bus, backend: self.backend).forEach(follow: true) { message, _ in
                        !message.state.isTerminal
                    }
                    try await Task.sleep(for: Self.lastLinesDelay)
                }
                defer { group.cancelAll() }
                try await group.next()
            }
        }
    }

    private func show(_ consumer: OrderedConsumer, of log: BackendLog, untilCaughtUp: Bool, _ console: Console) async {
        var openLines: Set<BackendLogMessage.Kind> = []
        for await message in consumer {
            if let entry = log.entry(message) {
                if self.global.json {
                    console.json(entry)
                } else {
                    entry.print(timestamps: self.timestamps, continuesLine: openLines.contains(entry.kind), console)
                }
                if entry.endsLine { openLines.remove(entry.kind) } else { openLines.insert(entry.kind) }
            }
            if untilCaughtUp, message.pending == 0 { return }
        }
    }
}
