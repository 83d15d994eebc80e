import GatewayCore
import GatewayHTTPConfiguration
import JSONValues
import LogKeys
import Logging
import NATS
import PlaneProtocol
import PlaneService
import Timing
import VisitorTokens

/// Makes visitors' tokens, and stores each where the tier finds it before anybody gets it.
final class TokenWriter: Sendable {
    private let jetStream: JetStream
    private let lifetime: WireSeconds
    /// nil makes no signed ones.
    private let signer: Signer?
    private let logger: Logger
    /// Where the stream of tokens ends. It is not remembered: a revocation that another gateway has written since would end the tokens made after it, too.
    private let streamEnd: SharedQuestion<StreamInfo?, NATSError>
    private let memory: BackendMemory
    /// From this age on, what was written of a backend that the state does not know is of a former one, or of one that never came to be. Longer than any request
    /// takes, with something for clocks that differ.
    private let youth: Duration

    private static let limit: Duration = .seconds(4)
    /// How many backends a search for a user returns at most.
    private static let visitedLimit = 1000

    struct Made: Sendable {
        var token: Secret
        /// nil for a static token, and for a signed one, which everybody who holds it can read.
        var secret: Secret?
        /// When it ends, used or not, in milliseconds since 1970.
        var expires: Int64?
    }

    private struct Signer {
        let key: TokenSigningKey
        let lifetimeSeconds: Int64
        let isUsual: Bool
    }

    init(jetStream: JetStream, memory: BackendMemory, configuration: GatewayConfiguration, logger: Logger, youth: Duration = .seconds(60)) {
        self.jetStream = jetStream
        self.memory = memory
        self.youth = youth
        self.streamEnd = SharedQuestion { () async throws(NATSError) in
            // Whoever comes while it is asked waits for the next one, too.
            try await withTimeLimit(Self.limit) { () async throws(NATSError) in try await jetStream.streamInfo(TokenRecord.stream) }
        }
        self.logger = logger
        self.lifetime = WireSeconds(rawValue: UInt64(max(configuration.tokenLifetime.components.seconds, 1)))
        self.signer = configuration.signedTokens.flatMap { signed in
            TokenSigningKey(signed.key).map { Signer(key: $0, lifetimeSeconds: signed.lifetime.components.seconds, isUsual: signed.isUsual) }
        }
    }

    /// By which proxies know the signed tokens of this gateway.
    var publicKey: TokenPublicKey? { self.signer?.key.publicKey }

    /// Refuses, before anything is done, what no token can be made for.
    func check(_ request: ConnectRequest) throws(GatewayError) {
        guard let signer = self.signer else {
            guard request.token.kind != .signed, !request.token.isForKey else {
                throw .unprocessable("token: this gateway has no key for signed tokens (gateway.signed_tokens)")
            }
            return
        }
        guard self.isSigned(request.token, signer) else { return }
        let lifetime = request.token.lifetimeSeconds ?? signer.lifetimeSeconds
        guard lifetime <= TokenClaims.longestLifetime else {
            throw .unprocessable("token.lifetime_seconds: expected at most \(TokenClaims.longestLifetime) for a signed token, found \(lifetime)")
        }
        let said = WireCodec.encode(JSONValue.object(request.auth)).count + (request.user?.utf8.count ?? 0) + (request.key?.lock.rawValue.utf8.count ?? 0)
        guard said <= Self.longestSigned else {
            throw .unprocessable("auth and user: expected at most \(Self.longestSigned) bytes together for a signed token, found \(said)")
        }
    }

    /// Of user, auth and key together, so that the token stays below `SignedToken.longest`, whatever has to be escaped.
    private static let longestSigned = 4096

    private func isSigned(_ wish: TokenRequest, _ signer: Signer) -> Bool { wish.kind.map { $0 == .signed } ?? (signer.isUsual || wish.isForKey) }

    /// Writes what all visitors of a backend share, before anybody asks for the backend.
    /// - Parameters:
    ///   - isNew: nobody has asked for a backend with this id before.
    ///   - isKnown: whether the state of the fleet knows a backend with this id; asked where something was written of one.
    /// - Returns: what counts: what was given or, where this request repeats another one, what was written then.
    func prepare(
        _ given: OpenedBackend, of backend: BackendID, in cluster: ClusterName, isNew: Bool, isKnown: @Sendable () -> Bool
    ) async throws(GatewayError) -> OpenedBackend {
        guard !given.isEmpty || !isNew else { return given }
        let opened = try await self.write(given, of: backend, isKnown)
        self.memory.remember(opened, of: BackendLife(backend: backend, cluster: cluster))
        if let token = opened.staticToken.flatMap({ VisitorToken(text: $0.exposed) }) {
            try await self.store(
                TokenRecord(backend: backend, cluster: cluster, subdomain: opened.subdomain, isStatic: true, issued: .now()), of: token)
        }
        return opened
    }

    /// Fails where what was written lately cannot be read: a visitor would get a token of their own in place of the backend's.
    ///
    /// - Returns: what is written then, which may be what was written before.
    private func write(
        _ given: OpenedBackend, of backend: BackendID, _ isKnown: @Sendable () -> Bool
    ) async throws(GatewayError) -> OpenedBackend {
        if !given.isEmpty, try await self.claim(given, of: backend, expecting: 0) { return given }
        guard let written = try await self.written(of: backend) else {
            guard given.isEmpty else { throw .unavailable("what visitors of \(backend) are told is being written") }
            return given
        }
        guard written.age > self.youth, !isKnown() else {
            guard let opened = written.opened ?? (given.isEmpty ? given : nil) else {
                throw .unavailable("what visitors of \(backend) are told was stored, and cannot be read")
            }
            return opened
        }
        guard try await self.claim(given, of: backend, expecting: written.sequence) else {
            throw .unavailable("what visitors of \(backend) are told is being written")
        }
        return given
    }

    /// - Parameter expecting: sequence of what is replaced; 0 for nothing.
    /// - Returns: false where something else stands there already.
    private func claim(_ opened: OpenedBackend, of backend: BackendID, expecting: UInt64) async throws(GatewayError) -> Bool {
        do throws(NATSError) {
            _ = try await self.jetStream.publish(
                WireCodec.encode(opened), to: OpenedBackend.subject(of: backend), expectedLastSubjectSequence: expecting, timeout: Self.limit)
            return true
        } catch {
            guard error.code == .wrongLastSequence || error.code == .sequenceBusy else { throw .unavailable("\(error)") }
            return false
        }
    }

    /// A token for one visitor; the backend's own where it has one for all.
    func make(
        for holder: KeyHolder, _ life: BackendLife, _ opened: OpenedBackend, _ request: ConnectRequest, limit: Duration
    ) async throws(GatewayError) -> Made {
        let (user, auth) = (request.user, request.auth)
        if let text = opened.staticToken {
            guard let token = VisitorToken(text: text.exposed) else { throw .unavailable("a static token is none") }
            return Made(token: token.text)
        }
        var generator = SystemRandomNumberGenerator()
        if let user { self.noteVisit(of: TokenHash(of: user), to: life) }
        if let signer = self.signer, self.isSigned(request.token, signer) {
            return try await self.sign(request, for: holder, opened, signer, using: &generator)
        }
        let token = VisitorToken.random(using: &generator)
        let secret = VisitorToken.randomText(using: &generator)
        let expires = request.token.lifetimeSeconds.map { WireTime(seconds: WireTime.now().seconds + $0) }
        try await self.store(
            TokenRecord(
                backend: holder.backend, cluster: holder.cluster, user: user, auth: auth.isEmpty ? nil : .object(auth), secret: secret,
                subdomain: opened.subdomain, lifetime: self.lifetime, expires: expires, issued: .now()), of: token, limit: limit)
        return Made(token: token.text, secret: secret, expires: expires.map { $0.seconds * 1000 })
    }

    /// A token that nobody has to look up. It says how far the stream of revocations was, so that those that come later, and no others, end it.
    private func sign(
        _ request: ConnectRequest, for holder: KeyHolder, _ opened: OpenedBackend, _ signer: Signer, using generator: inout SystemRandomNumberGenerator
    ) async throws(GatewayError) -> Made {
        let told: StreamInfo?
        do throws(NATSError) { told = try await self.streamEnd.ask() } catch { throw .unavailable("\(error)") }
        guard let info = told else { throw .unavailable("the stream of tokens does not answer") }
        let now = WireTime.now().seconds
        let expires = now + (request.token.lifetimeSeconds ?? signer.lifetimeSeconds)
        var target = TokenClaims.Target.backend(holder.backend)
        if request.token.isForKey, let key = request.key { target = .key(key) }
        let claims = TokenClaims(
            cluster: holder.cluster, target: target, id: RandomName.text(using: &generator) + RandomName.text(using: &generator), user: request.user,
            auth: request.auth.isEmpty ? nil : .object(request.auth), subdomain: opened.subdomain, issued: now, expires: expires,
            generation: TokenGeneration(stream: StreamIdentity(createdAt: info.created).created, sequence: info.lastSequence))
        guard let token = SignedToken.make(claims, signedWith: signer.key) else { throw .unprocessable("auth and user: too long for a signed token") }
        return Made(token: token, expires: expires * 1000)
    }

    /// What is remembered of what was written of a backend; nil for nothing.
    func known(_ life: BackendLife) -> OpenedBackend? { self.memory.opened(of: life) }

    /// What was written of a backend.
    /// - Parameter isNew: it was made by this request, so that there is nothing but what is known here.
    func opened(_ life: BackendLife, isNew: Bool) async throws(GatewayError) -> OpenedBackend {
        if let known = self.known(life) { return known }
        let opened = isNew ? OpenedBackend() : try await self.written(of: life.backend)?.opened ?? OpenedBackend()
        // Of a backend that the state does not know yet, only what this request has made is sure to be of this life.
        if isNew || life.fencingToken != nil { self.memory.remember(opened, of: life) }
        return opened
    }

    private struct Written {
        /// Nil if it cannot be read, which has been logged.
        var opened: OpenedBackend?
        var sequence: UInt64
        /// By the clocks of NATS and of this machine.
        var age: Duration
    }

    private func written(of backend: BackendID) async throws(GatewayError) -> Written? {
        do throws(NATSError) {
            let message = try await self.jetStream.lastMessage(stream: TokenRecord.stream, subject: OpenedBackend.subject(of: backend))
            return message.map { message in
                Written(
                    opened: message.decoded(OpenedBackend.self, self.logger), sequence: message.sequence,
                    age: max(StateTime.now().since(WireTime(message.published).stateTime), .zero))
            }
        } catch {
            throw .unavailable("\(error)")
        }
    }

    /// Ends tokens that were made before.
    /// - Returns: the revocation's place in the stream.
    func revoke(_ scope: TokenRevocation.Scope) async throws(GatewayError) -> UInt64 {
        try await self.publish(WireCodec.encode(TokenRevocation(at: .now())), to: scope.subject)
    }

    /// What an opaque token is for; nil if there is none.
    func record(of token: VisitorToken) async throws(GatewayError) -> TokenRecord? {
        do throws(NATSError) {
            let message = try await self.jetStream.lastMessage(stream: TokenRecord.stream, subject: TokenRecord.subject(of: token.hash))
            return message.flatMap { $0.decoded(TokenRecord.self, self.logger) }
        } catch {
            throw .unavailable("\(error)")
        }
    }

    /// Stores a visit, so that backends can be found by their visitors. Nothing waits for the acknowledgement: during an outage a visit may be lost.
    private func noteVisit(of user: TokenHash, to life: BackendLife) {
        guard self.memory.noteVisit(user, of: life) else { return }
        do throws(NATSError) {
            try self.jetStream.connection.publish(VisitRecord.payload, to: VisitRecord.subject(user: user, backend: life.backend))
        } catch {
            self.memory.forgetVisit(user, of: life)
            self.logger.debug("a visit is not stored, so its backend is not found by its visitor", metadata: [LogKey.error: "\(error)"])
        }
    }

    /// Backends that a user got tokens for, except those that ended long ago.
    func backends(visitedBy user: String) async throws(GatewayError) -> Set<BackendID> {
        do throws(NATSError) {
            let subjects = try await self.jetStream.subjects(
                in: TokenRecord.stream, matching: VisitRecord.subscription(user: TokenHash(of: user)), limit: Self.visitedLimit)
            return Set(subjects.compactMap { VisitRecord.backend(of: $0) })
        } catch {
            throw .unavailable("\(error)")
        }
    }

    private func store(_ record: TokenRecord, of token: VisitorToken, limit: Duration = TokenWriter.limit) async throws(GatewayError) {
        try await self.publish(WireCodec.encode(record), to: TokenRecord.subject(of: token.hash), limit: limit)
    }

    @discardableResult
    private func publish(_ payload: [UInt8], to subject: String, limit: Duration = TokenWriter.limit) async throws(GatewayError) -> UInt64 {
        do throws(NATSError) {
            return try await self.jetStream.publish(payload, to: subject, timeout: min(Self.limit, limit)).sequence
        } catch {
            throw .unavailable("\(error)")
        }
    }
}
