import ArgumentParser
import NATS
import PlaneMessaging
import PlaneProtocol
import PlaneService
import Synchronization

extension UsageBoard.Order: ExpressibleByArgument {}

struct TopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top", abstract: "Show what backends use of their drones, live.",
        discussion: "CPU is the share of all processors of the drone together. With --json each sample is a line.", aliases: ["stats"])

    @Argument(help: ArgumentHelp("Only this backend.", valueName: "backend"))
    var backend: BackendID?

    @Option(help: "Only this cluster.")
    var cluster: ClusterName?

    @Option(help: "What comes first.")
    var sort: UsageBoard.Order = .cpu

    @Flag(help: "Listen for one round of samples, show them and end.")
    var once = false

    @OptionGroup(title: "Connection and output") var global: GlobalOptions

    /// A round of samples takes about 5 s; the rest is for their way.
    private static let roundLength: Duration = .seconds(7)
    private static let refreshInterval: Duration = .seconds(1)

    func run() async throws {
        try await self.global.run { bus, console in
            // Where the stream of lines cannot be looked at, agents speak as in 0.3.
            let namesDrones = (try? await BackendLog.namesDrones(bus)) ?? false
            let samples = try self.subjects(namesDrones: namesDrones).map { try bus.connection.subscribe($0) }
            let board = SharedBoard()
            await withTaskGroup(of: Void.self) { group in
                for samples in samples { group.addTask { await self.listen(to: samples, board: board, console) } }
                if self.once || !self.global.json { group.addTask { await self.show(board, console) } }
                await group.next()
                group.cancelAll()
            }
        }
    }

    /// Those of 0.3 in any case: agents may be switched one after the other.
    private func subjects(namesDrones: Bool) -> [String] {
        let shared = self.backend.map { BackendStatsMessage.subscription(backend: $0) } ?? BackendStatsMessage.subscription
        guard namesDrones else { return [shared] }
        return [shared, self.backend.map { BackendStatsMessage.ownSubscription(backend: $0) } ?? BackendStatsMessage.ownSubscription]
    }

    private func listen(to samples: NATSSubscription, board: SharedBoard, _ console: Console) async {
        for await message in samples {
            // A message of a newer version is passed over.
            guard let sample = try? WireCodec.decode(BackendStatsMessage.self, from: message.payload),
                message.subject == sample.subject || message.subject == sample.ownSubject,
                self.cluster == nil || sample.cluster == self.cluster
            else { continue }
            if self.global.json { console.json(sample) } else { board.value.withLock { $0.heard(sample, at: .now) } }
        }
    }

    /// Ends after a round, or when the task is cancelled.
    private func show(_ board: SharedBoard, _ console: Console) async {
        if self.once {
            try? await Task.sleep(for: Self.roundLength)
            guard !self.global.json else { return }
            for line in board.value.withLock({ $0.lines(by: self.sort, console) }) { console.line(line) }
            return
        }
        while !Task.isCancelled {
            let lines = board.value.withLock { board in
                board.forgetSilent(at: .now)
                return board.lines(by: self.sort, console)
            }
            // On a terminal each picture takes the place of the one before; elsewhere they follow each other.
            console.writeOut((console.usesColours ? "\u{1b}[H\u{1b}[2J" : "") + lines.joined(separator: "\n") + "\n")
            try? await Task.sleep(for: Self.refreshInterval)
        }
    }
}

/// Written by the listener, read by whoever draws.
private final class SharedBoard: Sendable {
    let value = Mutex(UsageBoard())
}
