import ArgumentParser
import NATS
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneState

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show the history of one backend, or the whole system at a glance.")

    @Argument(help: ArgumentHelp("A backend; without it, the system.", valueName: "backend"))
    var backend: BackendID?

    @Flag(name: .shortAndLong, help: "Go on with what happens from now on; of all backends if none is given.")
    var follow = false

    @OptionGroup(title: "Connection and output") var global: GlobalOptions

    func run() async throws {
        try await self.global.run { bus, console in
            if let backend = self.backend {
                try await self.history(of: backend, bus, console)
            } else if self.follow {
                try await self.everything(bus, console)
            } else {
                let overview = SystemOverview(world: try await WorldReader(bus: bus).read(), now: .now())
                if self.global.json { return console.json(overview) }
                for line in overview.lines(console) { console.line(line) }
            }
        }
    }

    private func history(of backend: BackendID, _ bus: PlaneBus, _ console: Console) async throws {
        var isKnown = false
        try await BackendHistory(bus: bus, backend: backend).forEach(follow: self.follow) { message, _ in
            isKnown = true
            self.show(message, console)
            return !message.state.isTerminal || !self.follow
        }
        if !isKnown {
            throw CommandFailure(
                .failed, "Nothing is known of a backend \(backend).", advice: "plane list-backends --all shows which there are.")
        }
    }

    private func everything(_ bus: PlaneBus, _ console: Console) async throws {
        let consumer = try await bus.connection.jetStream.orderedConsumer(stream: BackendHistory.stream, from: .new)
        for await message in consumer {
            // A message of a newer version is passed over.
            if let state = try? WireCodec.decode(BackendStateMessage.self, from: message.payload, subject: message.subject) {
                self.show(state, console)
            }
        }
    }

    private func show(_ message: BackendStateMessage, _ console: Console) {
        if self.global.json { console.json(message) } else { console.line(StatusLine(message).text(console)) }
    }
}
