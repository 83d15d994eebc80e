import ArgumentParser
import PlaneClient
import PlaneProtocol

struct StreamStateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stream-state", abstract: "Show the messages of the shared state, those kept and those to come.", usage: "plane stream-state [options]")

    @Flag(help: "Show signs of life too: heartbeats of schedulers and of drones.")
    var includeHeartbeat = false

    @Flag(help: "End after what there is now.")
    var snapshot = false

    @Option(help: "Only this cluster.")
    var cluster: ClusterName?

    @OptionGroup(title: "Connection and output") var global: GlobalOptions

    func run() async throws {
        try await self.global.run { client, console in
            for await stored in try await client.stateMessages(follows: !self.snapshot) { self.show(stored, console) }
        }
    }

    private func show(_ stored: StreamEntry<StateMessage>, _ console: Console) {
        let line = StateChangeLine(message: stored.message, published: stored.published)
        guard self.includeHeartbeat || !line.isSignOfLife else { return }
        if let cluster = self.cluster {
            guard case .cluster(cluster, _) = stored.message else { return }
        }
        if self.global.json {
            console.json(StateChangeItem(sequence: stored.sequence, published: stored.published, message: stored.message))
        } else {
            console.line(line.text)
        }
    }
}
