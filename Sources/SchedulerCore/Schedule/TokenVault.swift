import NATS
import PlaneProtocol
import PlaneService
import SchedulerCoreConfiguration

/// Where the tokens that proxies ask visitors for are kept, apart from the state of the world: in a stream of their own, which only schedulers
/// read. An assignment says that there is one.
///
/// Everybody who serves names or looks after a cluster follows the world, and none of them needs a token. Readers of 0.3.24 find it in the
/// assignment and nowhere else, so it stands there as long as they are accepted.
struct TokenVault: Sendable {
    static let stream = "plane_secrets"
    /// As for the state of the world.
    private static let timeout: Duration = .seconds(2)

    let jetStream: JetStream
    let configuration: SchedulerConfiguration

    static func subject(_ backend: BackendID, in cluster: ClusterName) -> String { "secret.\(self.tail(backend, in: cluster))" }

    private static func tail(_ backend: BackendID, in cluster: ClusterName) -> String { "cluster.\(cluster.subjectToken).backend.\(backend)" }

    /// The assignment as it may be written to the world, once its token is put away.
    /// - Parameter isFirst: whether the id may be another backend's: then there must be no token yet, or the error is `.wrongLastSequence`.
    func putAway(
        _ assignment: BackendAssignment, of backend: BackendID, in cluster: ClusterName, isFirst: Bool = false
    ) async throws(NATSError) -> BackendAssignment {
        guard !self.configuration.acceptsLegacyPeers, let token = assignment.bearerToken else { return assignment }
        _ = try await self.jetStream.publish(
            Array(token.exposed.utf8), to: Self.subject(backend, in: cluster), expectedLastSubjectSequence: isFirst ? 0 : nil,
            timeout: Self.timeout)
        var assignment = assignment
        assignment.bearerToken = nil
        assignment.hasHiddenToken = true
        return assignment
    }

    /// nil if there is none.
    func token(of backend: BackendID, in cluster: ClusterName) async throws(NATSError) -> Secret? {
        let message = try await self.jetStream.lastMessage(stream: Self.stream, subject: Self.subject(backend, in: cluster))
        return message.map { Secret(String(decoding: $0.payload, as: UTF8.self)) }
    }

    func forget(_ backend: BackendID, in cluster: ClusterName) async throws(NATSError) {
        _ = try await self.jetStream.purge(stream: Self.stream, subject: Self.subject(backend, in: cluster))
    }
}
