import NATS
import PlaneProtocol
import PlaneService
import SchedulerCoreConfiguration

/// Keeps the tokens of backends in the stream `plane_secrets`, which only schedulers read. The assignment in the state says only that there is one.
///
/// Name servers and operators follow the state and need no tokens. Readers of 0.3.24 find the token only in the assignment, so it stands there as
/// long as `scheduler.accepts_legacy_peers` is on.
struct BearerTokenStore: Sendable {
    static let stream = "plane_secrets"
    /// How long the server may take, as for the state of the fleet.
    private static let timeout: Duration = .seconds(2)

    let jetStream: JetStream
    let configuration: SchedulerConfiguration

    static func subject(_ backend: BackendID, in cluster: ClusterName) -> String { "secret.\(self.tail(backend, in: cluster))" }

    private static func tail(_ backend: BackendID, in cluster: ClusterName) -> String { "cluster.\(cluster.subjectToken).backend.\(backend)" }

    /// Stores the token, and returns the assignment as it may be written to the state.
    /// - Parameter isFirst: whether the id may belong to another backend. If so and there is a token already, the error is `.wrongLastSequence`.
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

    /// The token; nil if there is none.
    func token(of backend: BackendID, in cluster: ClusterName) async throws(NATSError) -> Secret? {
        let message = try await self.jetStream.lastMessage(stream: Self.stream, subject: Self.subject(backend, in: cluster))
        return message.map { Secret(String(decoding: $0.payload, as: UTF8.self)) }
    }

    func forget(_ backend: BackendID, in cluster: ClusterName, with deleter: MessageDeleter) async throws(NATSError) {
        let subject = Self.subject(backend, in: cluster)
        guard let message = try await self.jetStream.lastMessage(stream: Self.stream, subject: subject) else { return }
        try await deleter.erase([message.sequence], subjects: [subject])
    }
}
