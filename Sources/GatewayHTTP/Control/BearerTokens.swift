import PlaneProtocol
import Synchronization

/// The tokens that drones' proxies ask visitors of backends for, as far as they were told lately. The state has none of them where they are kept apart from it,
/// and then only a scheduler knows them; a backend has the same one for its whole life.
final class BearerTokens: Sendable {
    private struct Key: Hashable {
        var cluster: ClusterName
        var backend: BackendID
    }

    private let known = Mutex<[Key: Secret]>([:])

    /// How many are remembered. When there are more, all are forgotten and asked for again when needed.
    private static let limit = 100_000

    func token(of backend: BackendID, in cluster: ClusterName) -> Secret? {
        self.known.withLock { $0[Key(cluster: cluster, backend: backend)] }
    }

    func remember(_ token: Secret, of backend: BackendID, in cluster: ClusterName) {
        self.known.withLock { known in
            if known.count >= Self.limit { known = [:] }
            known[Key(cluster: cluster, backend: backend)] = token
        }
    }
}
