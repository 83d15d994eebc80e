import Logging
import LogKeys
import PlaneMessaging
import PlaneProtocol
import PlaneService

/// Tells the drones of a cluster to stop a backend that should not run.
enum Termination {
    /// Time for an answer; an agent answers within milliseconds.
    private static let timeout: Duration = .seconds(1)

    /// Sent as a request, although agents of 0.3.24 answer whether they have the backend or not: without a reply subject they do nothing.
    static func request(_ backend: BackendID, in cluster: ClusterName, bus: PlaneBus, logger: Logger) async {
        let request = TerminationRequest(cluster: cluster, backendID: backend)
        do {
            _ = try await bus.request(request, timeout: self.timeout)
        } catch {
            logger.warning(
                "nobody answers the request to stop a backend",
                metadata: [LogKey.cluster: "\(cluster)", LogKey.backend: "\(backend)", LogKey.error: "\(error)"])
        }
    }
}
