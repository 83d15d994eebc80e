import NATS
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneState

/// Reads the world once, as it is now.
struct WorldReader {
    let bus: PlaneBus

    static let stream = "plane_state"
    /// A million messages arrive in a few seconds; longer means that the stream has no leader.
    private static let timeLimit: Duration = .seconds(60)

    /// The world, and what its messages tell of clocks.
    struct Reading: Sendable {
        var world = WorldState()
        /// Of all drones' last signs of life, the largest difference between the clock of the scheduler that stamped it and that of the
        /// NATS server that stored it, a moment later; positive where the scheduler is ahead.
        var schedulerClockDifference: Duration?
    }

    func read() async throws -> WorldState { try await self.readWithClocks().world }

    func readWithClocks() async throws -> Reading {
        try await withDeadline(Self.timeLimit, of: "reading the world from the stream \(Self.stream)") {
            var reading = Reading()
            let consumer = try await self.bus.connection.jetStream.orderedConsumer(stream: Self.stream, from: .first)
            guard consumer.initialPending > 0 else { return reading }
            for await message in consumer {
                // A stream that was replaced meanwhile is read from its beginning.
                if message.sequence <= reading.world.sequence { reading = Reading() }
                if let change = try? WireCodec.decode(
                    WorldStateMessage.self, from: message.payload, subject: message.subject)
                {
                    reading.world.apply(change, sequence: message.sequence, published: WireTime(message.published))
                    reading.compareClocks(change, published: WireTime(message.published))
                } else {
                    // Written by a newer version; the rest of the world is still worth showing.
                    reading.world.skip(sequence: message.sequence)
                }
                if message.pending == 0 { break }
            }
            return reading
        }
    }
}

extension WorldReader {
    /// Tells the world as it is, and again after every change.
    /// - Parameter body: gets the world, and whether it is the present one: before that it is still being read.
    func follow(_ body: (WorldState, _ isCaughtUp: Bool) async throws -> Void) async throws {
        let consumer = try await self.bus.connection.jetStream.orderedConsumer(stream: Self.stream, from: .first)
        var world = WorldState()
        if consumer.initialPending == 0 { try await body(world, true) }
        for await message in consumer {
            if message.sequence <= world.sequence { world = WorldState() }
            // Written by a newer version; the rest of the world is still worth showing.
            if let change = try? WireCodec.decode(WorldStateMessage.self, from: message.payload, subject: message.subject) {
                world.apply(change, sequence: message.sequence, published: WireTime(message.published))
            } else {
                world.skip(sequence: message.sequence)
            }
            try await body(world, message.pending == 0)
        }
    }
}

extension WorldReader.Reading {
    fileprivate mutating func compareClocks(_ change: WorldStateMessage, published: WireTime) {
        guard case .cluster(_, .drone(let message)) = change, case .keepAlive(let stamped) = message.change else { return }
        let difference = stamped.since(published.worldTime)
        let largest = self.schedulerClockDifference ?? .zero
        if max(difference, .zero - difference) >= max(largest, .zero - largest) { self.schedulerClockDifference = difference }
    }
}
