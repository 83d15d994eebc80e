import NATS
import PlaneProtocol
import PlaneService
import PlaneState

/// Reads the world once, as it is now.
struct WorldReader {
    let bus: PlaneBus

    private static let stream = "plane_state"
    /// A million messages arrive in a few seconds; longer means that the stream has no leader.
    private static let timeLimit: Duration = .seconds(60)

    func read() async throws -> WorldState {
        try await withDeadline(Self.timeLimit, of: "reading the world from the stream \(Self.stream)") {
            var world = WorldState()
            let consumer = try await self.bus.connection.jetStream.orderedConsumer(stream: Self.stream, from: .first)
            guard consumer.initialPending > 0 else { return world }
            for await message in consumer {
                // A stream that was replaced meanwhile is read from its beginning.
                if message.sequence <= world.sequence { world = WorldState() }
                if let change = try? WireCodec.decode(
                    WorldStateMessage.self, from: message.payload, subject: message.subject)
                {
                    world.apply(change, sequence: message.sequence, published: message.published.wireTime)
                } else {
                    // Written by a newer version; the rest of the world is still worth showing.
                    world.skip(sequence: message.sequence)
                }
                if message.pending == 0 { break }
            }
            return world
        }
    }
}

extension StreamTime {
    var wireTime: WireTime {
        WireTime(seconds: self.seconds, nanoseconds: Int32(self.nanoseconds % 1_000_000_000))
    }
}
