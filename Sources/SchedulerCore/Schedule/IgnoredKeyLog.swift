import PlaneProtocol
import Synchronization

/// Remembers which applications' ignored keys have been logged. Each is logged once, since applications send the same keys again and again.
final class IgnoredKeyLog: Sendable {
    private struct Entry: Hashable {
        let cluster: ClusterName
        let requester: String?
        let keys: [String]
    }

    /// How many entries are kept. Beyond that nothing more is logged, but every answer still names the ignored keys.
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
