package import PlaneProtocol

extension PlaneClient {
    /// Somebody is waiting for the backend. A user who may not read the state gets the usual address.
    private static let endpointLimit: Duration = .seconds(1)

    /// How visitors reach the backends of a drone. Reads a single message instead of the whole state. If the drone has published nothing, or that cannot be
    /// read within a second, this is the usual address.
    package func publicEndpoint(of drone: DroneID, in cluster: ClusterName) async -> PublicEndpoint {
        let subject = DroneMessage.metadataSubject(of: drone, in: cluster)
        let message = try? await withTimeLimit(Self.endpointLimit, of: "asking how \(drone) is reached") { () async throws(PlaneError) in
            try await self.lastStateMessage(on: subject)
        }
        guard case .cluster(_, .drone(let told))? = message, case .metadata(let metadata) = told.change else { return PublicEndpoint() }
        return metadata.endpoint
    }
}
