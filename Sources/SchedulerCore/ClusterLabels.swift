import PlaneProtocol
import Synchronization

/// Values of the metrics label `cluster`, of which there is a bounded number.
///
/// Requests name clusters, so a client could name any number of them, and this process and Prometheus would keep a series for each. Beyond the
/// limit, only clusters that have drones get a value of their own; the others share one.
final class ClusterLabels: Sendable {
    /// The value that the other clusters share. No cluster can have this name.
    static let rest = "(other)"

    private let limit: Int
    private let known = Mutex<Set<ClusterName>>([])

    init(limit: Int = 256) { self.limit = limit }

    /// - Parameter hasDrones: whether the cluster has drones; called only beyond the limit.
    func label(of cluster: ClusterName, hasDrones: () -> Bool) -> String {
        self.known.withLock { known in
            if known.contains(cluster) { return cluster.rawValue }
            guard known.count < self.limit || hasDrones() else { return Self.rest }
            known.insert(cluster)
            return cluster.rawValue
        }
    }
}
