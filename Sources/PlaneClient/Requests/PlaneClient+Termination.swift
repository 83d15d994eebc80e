package import PlaneProtocol
import PlaneService

extension PlaneClient {
    /// Asks for the end of a backend. Agents of 0.3.24 acknowledge that whether or not the backend is theirs, so an answer proves nothing; see
    /// `waitUntilEnded`.
    /// - Parameter requester: who asks, for the backend's history.
    package func terminate(_ backend: BackendID, in cluster: ClusterName, requestedBy requester: String?) async throws(PlaneError) {
        _ = try await self.request(
            TerminationRequest(cluster: cluster, backendID: backend, requestedBy: requester), of: .anyAgent(cluster))
    }

    /// Marks a backend as lost whose drone will not come back; that frees its lock.
    /// - Returns: the state that is added to its history.
    @discardableResult
    package func markLost(
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
