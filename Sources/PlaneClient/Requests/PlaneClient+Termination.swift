package import PlaneProtocol
import PlaneService

extension PlaneClient {
    /// Asks for the end of a backend. Every agent of the cluster acknowledges that, whether or not the backend is its own, so this is no
    /// proof of anything; see `waitUntilEnded`.
    /// - Parameter requester: who asks, for the backend's history.
    package func terminate(_ backend: BackendID, in cluster: ClusterName, requestedBy requester: String?) async throws(PlaneError) {
        _ = try await self.request(
            TerminationRequest(cluster: cluster, backendID: backend, requestedBy: requester), of: .anyAgent(cluster))
    }

    /// Writes off a backend whose drone will not come back; its lock becomes free.
    /// - Returns: what its history tells from now on.
    @discardableResult
    package func writeOff(
        _ backend: BackendID, of drone: DroneID, in cluster: ClusterName, message: String
    ) async throws(PlaneError) -> BackendStateMessage {
        let update = UpdateBackendStateMessage(
            cluster: cluster, state: .lost, backend: backend, time: .now(), drone: drone, detail: BackendStatusDetail(message: message))
        _ = try await self.request(update, of: .scheduler)
        return BackendStateMessage(update)
    }

    /// The backend that holds a lock, if one does.
    package func holder(of lock: LockName, in cluster: ClusterName, limit: Duration = .seconds(10)) async throws(PlaneError) -> FetchedBackend? {
        switch try await self.request(FetchBackendForLock(cluster: cluster, lock: lock), of: .scheduler, limit: limit).reply {
        case .scheduled(let backend): return backend
        case .noBackendForLock: return nil
        case .error(let error): throw .refused(error)
        }
    }
}
