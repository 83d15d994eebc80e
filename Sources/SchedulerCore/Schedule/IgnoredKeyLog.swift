import PlaneProtocol
import Synchronization

/// Tells which applications' ignored keys have been logged: each once, since they send the same request again and again.
final class IgnoredKeyLog: Sendable {
    private struct Entry: Hashable {
        let cluster: ClusterName
        let requester: String?
        let keys: [String]
    }

    /// Entries kept. Whoever sends ever new ones is not logged any more, and is still told in each answer.
    private static let limit = 256

    private let told = Mutex<Set<Entry>>([])

    /// Whether the request has ignored keys that are to be logged now.
    func isNews(_ request: ScheduleRequest) -> Bool {
        guard !request.ignoredKeys.isEmpty else { return false }
        let requester = request.metadata[ScheduleRequest.requestedByKey].map { BackendStatusDetail.requester($0) }
        return self.told.withLock { told in
            told.count < Self.limit && told.insert(Entry(cluster: request.cluster, requester: requester, keys: request.ignoredKeys)).inserted
        }
    }
}
