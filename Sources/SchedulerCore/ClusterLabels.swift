import PlaneProtocol
import Synchronization

/// The names of clusters as values of a label. Requests say them, so anybody who may ask could make any number of them, and each is kept
/// by this process and by whoever collects its metrics for ever: after so many, only clusters that have drones get one of their own.
final class ClusterLabels: Sendable {
    /// The label that the others have together; no cluster can be called so.
    static let rest = "(other)"

    private let limit: Int
    private let known = Mutex<Set<ClusterName>>([])

    init(limit: Int = 256) { self.limit = limit }

    /// - Parameter hasDrones: asked once the limit is reached.
    func label(of cluster: ClusterName, hasDrones: () -> Bool) -> String {
        self.known.withLock { known in
            if known.contains(cluster) { return cluster.rawValue }
            guard known.count < self.limit || hasDrones() else { return Self.rest }
            known.insert(cluster)
            return cluster.rawValue
        }
    }
}
