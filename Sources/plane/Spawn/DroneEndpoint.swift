import NATS
import PlaneMessaging
import PlaneProtocol
import PlaneService

/// Looks up how visitors reach a drone: one message of the state of the world, instead of all.
struct DroneEndpoint {
    let bus: PlaneBus

    /// Somebody waits for the backend. Who may not read the state is told the usual address.
    private static let limit: Duration = .seconds(1)

    func find(of drone: DroneID, in cluster: ClusterName) async -> PublicEndpoint {
        let subject = DroneMessage.metadataSubject(of: drone, in: cluster)
        let message = try? await withDeadline(Self.limit, of: "asking how \(drone) is reached") {
            try await self.bus.connection.jetStream.lastMessage(stream: WorldReader.stream, subject: subject)
        }
        guard let message = message ?? nil,
            case .cluster(_, .drone(let told)) = try? WireCodec.decode(WorldStateMessage.self, from: message.payload, subject: message.subject),
            case .metadata(let metadata) = told.change
        else { return PublicEndpoint() }
        return metadata.endpoint
    }
}
