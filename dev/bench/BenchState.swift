import Foundation
import NATS
import NetworkAddresses
import PlaneProtocol
import PlaneService

/// A fleet of ready drones, each with the same number of ready backends, as the stream tells it.
struct BenchState: Sendable {
    let cluster: ClusterName
    let drones: [DroneID]
    let backendsPerDrone: Int

    struct InvalidName: Error {}

    /// Messages published before waiting until the stream has them.
    private static let batch = 50_000

    init(cluster: ClusterName, drones: Int, backendsPerDrone: Int) throws {
        self.cluster = cluster
        self.backendsPerDrone = backendsPerDrone
        self.drones = try (0..<drones).map { number in
            guard let id = DroneID(rawValue: "drone-\(number)") else { throw InvalidName() }
            return id
        }
    }

    /// Makes the stream anew with this fleet in it.
    /// - Returns: how many messages that are.
    func write(_ connection: NATSConnection) async throws -> Int {
        let jetStream = connection.jetStream
        // There may be none.
        _ = try? await connection.request([], to: "$JS.API.STREAM.DELETE.plane_state", timeout: .seconds(30))
        _ = try await jetStream.ensureStream(StreamConfiguration(name: "plane_state", subjects: ["state.>"], maxMessagesPerSubject: 1))
        var count = 0
        func publish(_ change: ClusterStateMessage) async throws {
            let message = StateMessage.cluster(self.cluster, change)
            try connection.publish(WireCodec.encode(message), to: message.subject)
            count += 1
            if count % 500 == 0 { try await connection.flush(timeout: .seconds(30)) }
            if count % Self.batch == 0 { try await self.waitUntilStored(count, jetStream) }
        }
        var metadata = DroneMetadata(ip: .v4(0x7F00_0001), version: "bench")
        // Those of today's agents: gateways ask for backends that need them.
        metadata.abilities = DroneAbilities(pool: .unnamed)
        for drone in self.drones {
            try await publish(.drone(DroneMessage(drone: drone, change: .metadata(metadata))))
            try await publish(.drone(DroneMessage(drone: drone, change: .state(.ready, at: .now()))))
            try await publish(.drone(DroneMessage(drone: drone, change: .keepAlive(at: .now()))))
            for _ in 0..<self.backendsPerDrone {
                var generator = SystemRandomNumberGenerator()
                let backend = BackendID.random(using: &generator)
                try await publish(.backend(BackendMessage(backend: backend, change: .assignment(BackendAssignment(drone: drone)))))
                for state in [BackendState.loading, .starting, .ready] {
                    try await publish(.backend(BackendMessage(backend: backend, change: .state(state, at: .now()))))
                }
            }
        }
        try await connection.flush(timeout: .seconds(30))
        try await self.waitUntilStored(count, jetStream)
        return count
    }

    private func waitUntilStored(_ count: Int, _ jetStream: JetStream) async throws {
        while try await jetStream.streamInfo("plane_state").messages < count { try await Task.sleep(for: .milliseconds(10)) }
    }
}
