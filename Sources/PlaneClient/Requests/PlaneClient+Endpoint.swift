package import PlaneProtocol

extension PlaneClient {
    /// Somebody waits for the backend. Who may not read the state is told the usual address.
    private static let endpointLimit: Duration = .seconds(1)

    /// How visitors reach the backends of a drone: one message of the state, instead of all. The usual address where the drone has said
    /// nothing, or its word cannot be read within a second.
    package func publicEndpoint(of drone: DroneID, in cluster: ClusterName) async -> PublicEndpoint {
        let subject = DroneMessage.metadataSubject(of: drone, in: cluster)
        let message = try? await withTimeLimit(Self.endpointLimit, of: "asking how \(drone) is reached") { () async throws(PlaneError) in
            try await self.lastStateMessage(on: subject)
        }
        guard case .cluster(_, .drone(let told))? = message, case .metadata(let metadata) = told.change else { return PublicEndpoint() }
        return metadata.endpoint
    }
}
