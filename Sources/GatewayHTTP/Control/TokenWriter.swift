import GatewayCore
import JSONValues
import NATS
import PlaneProtocol
import PlaneService
import Synchronization

/// Makes visitors' tokens, and writes them where the tier finds them before anybody is told of them.
final class TokenWriter: Sendable {
    private let jetStream: JetStream
    private let lifetime: WireSeconds
    /// What later visitors are told of backends, as far as it was asked for lately.
    private let known = Mutex<[BackendID: OpenedBackend]>([:])
    /// Visits that were noted lately.
    private let visits = Mutex<Set<Visit>>([])

    private struct Visit: Hashable {
        var user: TokenHash
        var backend: BackendID
    }

    private static let limit: Duration = .seconds(4)
    /// Backends remembered; then all are forgotten, and asked for again.
    private static let knownLimit = 100_000
    /// Visits remembered; then all are forgotten, and noted again, which costs a message each.
    private static let visitLimit = 20_000
    /// Backends that a search for a user leads to.
    private static let visitedLimit = 1000

    struct Made: Sendable {
        var token: VisitorToken
        /// nil for a static token.
        var secret: Secret?
    }

    init(jetStream: JetStream, lifetime: Duration) {
        self.jetStream = jetStream
        self.lifetime = WireSeconds(rawValue: UInt64(max(lifetime.components.seconds, 1)))
    }

    /// Writes what all visitors of a backend share, before anybody asks for the backend.
    /// - Returns: what counts: what was given or, of an id that was asked for before, what was written then.
    func prepare(_ opened: OpenedBackend, of backend: BackendID, in cluster: ClusterName) async throws(GatewayFailure) -> OpenedBackend {
        guard !opened.isEmpty else { return opened }
        var opened = opened
        if try await !self.claim(opened, of: backend) {
            opened = try await self.read(backend)
            guard !opened.isEmpty else { throw .unavailable("what visitors of \(backend) are told is being written") }
        }
        self.remember(opened, of: backend)
        if let token = opened.staticToken.flatMap({ VisitorToken(text: $0.exposed) }) {
            try await self.store(
                TokenRecord(backend: backend, cluster: cluster, subdomain: opened.subdomain, isStatic: true, issued: .now()), of: token)
        }
        return opened
    }

    /// - Returns: false where something stands there already.
    private func claim(_ opened: OpenedBackend, of backend: BackendID) async throws(GatewayFailure) -> Bool {
        do throws(NATSError) {
            _ = try await self.jetStream.publish(
                WireCodec.encode(opened), to: OpenedBackend.subject(of: backend), expectedLastSubjectSequence: 0, timeout: Self.limit)
            return true
        } catch {
            guard error.code == .wrongLastSequence || error.code == .sequenceBusy else { throw .unavailable("\(error)") }
            return false
        }
    }

    /// A token for one visitor; the backend's own where it has one for all.
    func make(for holder: KeyHolder, _ opened: OpenedBackend, user: String?, auth: [String: JSONValue]) async throws(GatewayFailure) -> Made {
        if let text = opened.staticToken {
            guard let token = VisitorToken(text: text.exposed) else { throw .unavailable("a static token is none") }
            return Made(token: token)
        }
        var generator = SystemRandomNumberGenerator()
        if let user { self.noteVisit(Visit(user: TokenHash(of: user), backend: holder.backend)) }
        let token = VisitorToken.random(using: &generator)
        let secret = VisitorToken.randomText(using: &generator)
        try await self.store(
            TokenRecord(
                backend: holder.backend, cluster: holder.cluster, user: user, auth: auth.isEmpty ? nil : .object(auth), secret: secret,
                subdomain: opened.subdomain, lifetime: self.lifetime, issued: .now()), of: token)
        return Made(token: token, secret: secret)
    }

    /// What was written of a backend.
    /// - Parameter isNew: it was made by this request, so that there is nothing but what is known here.
    func opened(_ backend: BackendID, isNew: Bool) async throws(GatewayFailure) -> OpenedBackend {
        if let known = self.known.withLock({ $0[backend] }) { return known }
        let opened = isNew ? OpenedBackend() : try await self.read(backend)
        self.remember(opened, of: backend)
        return opened
    }

    private func read(_ backend: BackendID) async throws(GatewayFailure) -> OpenedBackend {
        do throws(NATSError) {
            let message = try await self.jetStream.lastMessage(stream: TokenRecord.stream, subject: OpenedBackend.subject(of: backend))
            return message.flatMap { try? WireCodec.decode(OpenedBackend.self, from: $0.payload) } ?? OpenedBackend()
        } catch {
            throw .unavailable("\(error)")
        }
    }

    /// Ends all tokens of a user for a backend that were made before.
    func revoke(user: String, of backend: BackendID) async throws(GatewayFailure) {
        try await self.publish(WireCodec.encode(TokenRevocation(at: .now())), to: TokenRevocation.subject(backend: backend, user: TokenHash(of: user)))
    }

    /// So that people find a backend by who visits it. Nobody waits for it to be stored: a search may miss one that was noted in an outage.
    private func noteVisit(_ visit: Visit) {
        let isNew = self.visits.withLock { visits in
            if visits.count >= Self.visitLimit { visits = [] }
            return visits.insert(visit).inserted
        }
        guard isNew else { return }
        do throws(NATSError) {
            try self.jetStream.connection.publish(VisitNote.payload, to: VisitNote.subject(user: visit.user, backend: visit.backend))
        } catch {
            _ = self.visits.withLock { $0.remove(visit) }
        }
    }

    /// Backends that a user was given tokens for and that have not ended for long.
    func backends(visitedBy user: String) async throws(GatewayFailure) -> Set<BackendID> {
        do throws(NATSError) {
            let subjects = try await self.jetStream.subjects(
                in: TokenRecord.stream, matching: VisitNote.subscription(user: TokenHash(of: user)), limit: Self.visitedLimit)
            return Set(subjects.compactMap { VisitNote.backend(of: $0) })
        } catch {
            throw .unavailable("\(error)")
        }
    }

    private func remember(_ opened: OpenedBackend, of backend: BackendID) {
        self.known.withLock { known in
            if known.count >= Self.knownLimit { known = [:] }
            known[backend] = opened
        }
    }

    private func store(_ record: TokenRecord, of token: VisitorToken) async throws(GatewayFailure) {
        try await self.publish(WireCodec.encode(record), to: TokenRecord.subject(of: token.hash))
    }

    private func publish(_ payload: [UInt8], to subject: String) async throws(GatewayFailure) {
        do throws(NATSError) {
            _ = try await self.jetStream.publish(payload, to: subject, timeout: Self.limit)
        } catch {
            throw .unavailable("\(error)")
        }
    }
}
