import ArgumentParser
import NATS
import PlaneMessaging
import PlaneProtocol
import PlaneService

struct StreamStateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stream-state", abstract: "Show the messages of the shared state, those kept and those to come.")

    @Flag(help: "Show signs of life too: heartbeats of schedulers and of drones.")
    var includeHeartbeat = false

    @Flag(help: "End after what there is now.")
    var snapshot = false

    @Option(help: "Only this cluster.")
    var cluster: ClusterName?

    @OptionGroup(title: "Connection and output") var global: GlobalOptions

    func run() async throws {
        try await self.global.run { bus, console in
            let consumer = try await bus.connection.jetStream.orderedConsumer(stream: WorldReader.stream, from: .first)
            if self.snapshot, consumer.initialPending == 0 { return }
            for await message in consumer {
                self.show(message, console)
                if self.snapshot, message.pending == 0 { return }
            }
        }
    }

    private func show(_ message: StreamMessage, _ console: Console) {
        // A message of a newer version is passed over.
        guard let change = try? WireCodec.decode(WorldStateMessage.self, from: message.payload, subject: message.subject) else { return }
        let line = WorldChangeLine(message: change, published: WireTime(message.published))
        guard self.includeHeartbeat || !line.isSignOfLife else { return }
        if let cluster = self.cluster {
            guard case .cluster(cluster, _) = change else { return }
        }
        if self.global.json {
            console.json(WorldChangeItem(sequence: message.sequence, published: WireTime(message.published), message: change))
        } else {
            console.line(line.text)
        }
    }
}
