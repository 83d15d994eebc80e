import Logging
import PlaneMessaging
import PlaneProtocol
import PlaneService

/// Tells the drones of a cluster to stop a backend that should not run.
enum Termination {
    /// Every agent that is there answers at once.
    private static let timeout: Duration = .seconds(1)

    /// Sent as a request even though the answer of *some* agent tells little: older agents do nothing without a reply subject.
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
