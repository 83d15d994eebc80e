import JSONValues
package import Logging
package import NATS
import LogKeys
import NIOCore
package import PlaneProtocol
import PlaneService
import Synchronization
package import TierProxyPolicy
import Timing
import VisitorTokens

/// The stream `plane_tokens` as the tier uses it: a token is read when a visitor shows it, revocations are followed, and uses of tokens are reported. The notes of
/// use may be in the stream `plane_token_uses`, and those from before it was made in the first one.
package final class TokenStream: Sendable {
    private let jetStream: JetStream
    private let proxy: ProxyID
    private let process: UInt64
    private let cluster: ClusterName
    private let logger: Logger
    private let areRevocationsKnown = Atomic(false)
    private let areTokensUnreadable = Atomic(false)
    private let areUsesUntold = Atomic(false)
    /// Whether there is a stream of notes that this process may read, as far as it knows.
    private let areUsesReadable = Atomic(false)
    /// Whether it was logged that the stream of notes cannot be read.
    private let areUsesUnreadable = Atomic(false)
    /// Whether NATS refuses this process the subjects for uses of tokens, so that it renews the tokens' records instead.
    private let rewritesRecords = Atomic(false)
    /// The consumer of revocations, while it is read.
    private let consumer = Mutex<OrderedConsumer?>(nil)

    /// How long reading a token may take, all that is read for it together; the request of a visitor waits for it.
    private static let limit: Duration = .seconds(4)
    /// Pause between attempts to begin reading. Once that has worked, the consumer recovers by itself.
    private static let retryPause: Duration = .seconds(1)

    package init(_ jetStream: JetStream, proxy: ProxyID, process: UInt64, cluster: ClusterName, logger: Logger) {
        self.jetStream = jetStream
        self.proxy = proxy
        self.process = process
        self.cluster = cluster
        self.logger = logger
    }

    /// Whether every revocation that existed at the beginning has been applied. Before that no token is accepted.
    package var isReady: Bool { self.areRevocationsKnown.load(ordering: .acquiring) }

    // MARK: Tokens

    /// - Parameter completion: called once, on any thread, within four seconds.
    package func fetch(_ token: TokenDigest, _ completion: @escaping @Sendable (FetchedToken) -> Void) {
        guard self.isReady, self.jetStream.connection.isConnected else { return completion(.unavailable) }
        Task { completion(await self.fetch(token)) }
    }

    private func fetch(_ token: TokenDigest) async -> FetchedToken {
        let deadline = ContinuousClock.now + Self.limit
        // Taken first: what is read while the stream is made anew counts as of the one before, and is read again when it matters.
        let identity = self.consumer.withLock { $0 }?.streamIdentity ?? StreamIdentity(created: 0, copy: 0)
        switch await self.read(token, before: deadline) {
        case .unavailable: return .unavailable
        case .none: return .none
        case .record(let record, let sequence):
            guard let age = await self.age(of: record, token, before: deadline) else { return .unavailable }
            return .granted(Self.grant(record, at: identity.position(record.firstSequence ?? sequence), .now()), age: age)
        }
    }

    /// The time since the token was made or last reported to be in use; nil if the stream cannot be read.
    private func age(of record: TokenRecord, _ token: TokenDigest, before deadline: ContinuousClock.Instant) async -> TimeAmount? {
        let age = Self.age(since: record.issued.seconds)
        guard let lifetime = record.lifetime, age >= .seconds(Int64(clamping: min(lifetime.rawValue, Self.longestLifetime))) else { return age }
        do throws(NATSError) {
            var latest = age
            if let note = try await self.noteApart(of: token, before: deadline) { latest = min(latest, Self.age(since: WireTime(note.published).seconds)) }
            if latest < age { return latest }
            guard let note = try await self.lastMessage(in: TokenRecord.stream, on: Self.useSubject(of: token), before: deadline) else { return age }
            return min(age, Self.age(since: WireTime(note.published).seconds))
        } catch {
            self.noteUnreadable(error)
            return nil
        }
    }

    /// The last note in the stream of its own; nil, too, where there is no such stream, or this process may not read it.
    private func noteApart(of token: TokenDigest, before deadline: ContinuousClock.Instant) async throws(NATSError) -> StreamMessage? {
        do throws(NATSError) {
            let note = try await self.lastMessage(in: TokenUse.stream, on: Self.useSubject(of: token), before: deadline)
            self.areUsesReadable.store(true, ordering: .relaxed)
            return note
        } catch {
            switch error.code {
            case .streamNotFound: return nil
            // The permissions, or the imports of this account, are a former version's.
            case .permissionDenied, .jetStreamUnavailable:
                guard self.jetStream.connection.isConnected, !self.areUsesReadable.load(ordering: .relaxed) else { throw error }
                if !self.areUsesUnreadable.exchange(true, ordering: .relaxed) {
                    self.logger.notice(
                        "the stream of tokens' uses cannot be read; if there is one, visitors whose tokens are in use elsewhere may be refused",
                        metadata: [LogKey.stream: "\(TokenUse.stream)", LogKey.error: "\(error)"])
                }
                return nil
            default: throw error
            }
        }
    }

    private func lastMessage(
        in stream: String, on subject: String, before deadline: ContinuousClock.Instant
    ) async throws(NATSError) -> StreamMessage? {
        let jetStream = self.jetStream
        let found = try await withTimeLimit(max(deadline - .now, .zero)) { () async throws(NATSError) in
            try await jetStream.lastMessage(stream: stream, subject: subject)
        }
        guard let found else { throw NATSError(.timedOut, attempt: "read \(subject) from \(stream)") }
        return found
    }

    private static func subject(of token: TokenDigest) -> String { "token.\(token.hexadecimal)" }
    private static func useSubject(of token: TokenDigest) -> String { "used.\(token.hexadecimal)" }

    private enum Read: Sendable {
        case record(TokenRecord, sequence: UInt64)
        case none
        case unavailable
    }

    /// A record that cannot be read counts as no token, and so does one of another cluster.
    private func read(_ token: TokenDigest, before deadline: ContinuousClock.Instant) async -> Read {
        do throws(NATSError) {
            let found = try await self.lastMessage(in: TokenRecord.stream, on: Self.subject(of: token), before: deadline)
            self.noteReadable()
            guard let message = found, let record = self.record(in: message), record.cluster == self.cluster else { return .none }
            return .record(record, sequence: message.sequence)
        } catch {
            self.noteUnreadable(error)
            return .unavailable
        }
    }

    private func record(in message: StreamMessage) -> TokenRecord? {
        do throws(MessageError) {
            return try WireCodec.decode(TokenRecord.self, from: message.payload)
        } catch {
            self.logger.warning(
                "a visitor's token cannot be read and counts as none",
                metadata: [LogKey.subject: "\(message.subject)", LogKey.sequence: "\(message.sequence)", LogKey.error: "\(error)"])
            return nil
        }
    }

    /// Logs once that visitors get 503, not for each of them.
    private func noteUnreadable(_ error: NATSError) {
        guard error.code != .closed, error.code != .cancelled, !self.areTokensUnreadable.exchange(true, ordering: .relaxed) else { return }
        self.logger.error("visitors' tokens cannot be read; those that are not known yet are answered 503", metadata: [LogKey.error: "\(error)"])
    }

    private func noteReadable() {
        guard self.areTokensUnreadable.exchange(false, ordering: .relaxed) else { return }
        self.logger.notice("visitors' tokens can be read again")
    }

    static func grant(_ record: TokenRecord, at generation: TokenGeneration, _ now: NIODeadline) -> TokenGrant {
        let auth = record.auth == .null ? nil : record.auth
        let rest = record.expires.map { $0.seconds - WireTime.now().seconds }
        return TokenGrant(
            .backend(record.backend.rawValue), user: record.user, userData: auth.map { VisitorData.header(of: $0) } ?? "{}", secret: record.secret,
            subdomain: record.subdomain?.rawValue, isStatic: record.isStatic,
            lifetime: record.lifetime.map { .seconds(Int64(clamping: min($0.rawValue, Self.longestLifetime))) },
            expires: rest.map { now + .seconds(min(max($0, 0), Int64(Self.longestLifetime))) }, generation: generation, issued: record.issued.seconds)
    }

    /// A century, so that no calculation with times overflows.
    private static let longestLifetime: UInt64 = 3_153_600_000

    /// The time since a moment that another machine's clock has given; 0 if that clock is ahead of ours.
    private static func age(since seconds: Int64) -> TimeAmount {
        .seconds(min(max(0, WireTime.now().seconds - seconds), Int64(Self.longestLifetime)))
    }

    /// Tells the other proxies that the token is in use. A use lifts no revocation: those are compared with the place of the token's record. If it
    /// fails, it is done again after a quarter of the token's lifetime.
    package func reportUse(of token: TokenDigest) {
        Task {
            guard case .record(let record, let sequence) = await self.read(token, before: .now + Self.limit) else { return }
            do throws(NATSError) {
                try await self.reportUse(of: token, record, at: sequence)
                self.areUsesUntold.store(false, ordering: .relaxed)
            } catch {
                guard error.code != .closed, error.code != .cancelled, error.code != .wrongLastSequence, error.code != .sequenceBusy,
                    !self.areUsesUntold.exchange(true, ordering: .relaxed)
                else { return }
                self.logger.warning(
                    "the use of visitors' tokens cannot be told to other proxies, which may take them for ended", metadata: [LogKey.error: "\(error)"])
            }
        }
    }

    private func reportUse(of token: TokenDigest, _ record: TokenRecord, at sequence: UInt64) async throws(NATSError) {
        if !self.rewritesRecords.load(ordering: .relaxed) {
            do throws(NATSError) {
                let use = TokenUse(backend: record.backend, cluster: record.cluster)
                _ = try await self.jetStream.publish(WireCodec.encode(use), to: Self.useSubject(of: token))
                return
            } catch {
                switch error.code {
                // Former schedulers have not given the stream this subject, or its leader is away, which the next attempt shows.
                case .noResponders: break
                // The permissions are a former version's.
                case .permissionDenied:
                    self.rewritesRecords.store(true, ordering: .relaxed)
                    self.logger.notice(
                        "the use of tokens is told as former versions did, by writing their records anew",
                        metadata: [LogKey.subject: "\(TokenUse.subscription)", LogKey.error: "\(error)"])
                default: throw error
                }
            }
        }
        try await self.rewrite(record, of: token, at: sequence)
    }

    /// Writes the record as one that was made now. One that was deleted or replaced meanwhile is left as it is.
    private func rewrite(_ record: TokenRecord, of token: TokenDigest, at sequence: UInt64) async throws(NATSError) {
        var record = record
        record.firstSequence = record.firstSequence ?? sequence
        record.issued = .now()
        do throws(NATSError) {
            _ = try await self.jetStream.publish(WireCodec.encode(record), to: Self.subject(of: token), expectedLastSubjectSequence: sequence)
        } catch {
            // The permissions may have become this version's meanwhile.
            if error.code == .permissionDenied { self.rewritesRecords.store(false, ordering: .relaxed) }
            throw error
        }
    }

    // MARK: Revocations

    /// Applies every revocation, old and new, until the task is cancelled or the connection is closed.
    package func follow(into directory: TierDirectory) async {
        while !Task.isCancelled {
            do throws(NATSError) {
                let consumer = try await self.jetStream.orderedConsumer(
                    stream: TokenRecord.stream, filter: TokenRevocation.subscription, from: .first)
                return await self.apply(consumer, to: directory)
            } catch {
                guard error.code != .closed, error.code != .cancelled else { return }
                self.logger.warning("revocations of visitors' tokens cannot be read yet", metadata: [LogKey.error: "\(error)"])
            }
            // If the task is cancelled during the pause, the loop ends.
            await self.jetStream.connection.pause(atMost: Self.retryPause)
        }
    }

    private func apply(_ consumer: OrderedConsumer, to directory: TierDirectory) async {
        self.consumer.withLock { $0 = consumer }
        defer { self.consumer.withLock { $0 = nil } }
        var isCaughtUp = consumer.initialPending == 0
        if isCaughtUp { self.areRevocationsKnown.store(true, ordering: .releasing) }
        for await message in consumer {
            if let revocation = Self.revocation(message, of: consumer.streamIdentity) {
                // Nobody waits for what a revocation ends that was there before.
                if isCaughtUp { self.apply(revocation, at: message.sequence, to: directory) } else { directory.apply(.revoked(revocation)) }
            }
            if message.pending == 0 {
                isCaughtUp = true
                self.areRevocationsKnown.store(true, ordering: .releasing)
            }
        }
    }

    private func apply(_ revocation: TierRevocation, at sequence: UInt64, to directory: TierDirectory) {
        let connection = self.jetStream.connection
        directory.apply(.revoked(revocation)) { [proxy, process, cluster, logger] ended in
            let report = ProxyRevocationReport(proxy: proxy, cluster: cluster, sequence: sequence, ended: UInt64(ended), process: process)
            do {
                try connection.publish(WireCodec.encode(report), to: report.subject)
            } catch {
                // Without a connection nobody waits for it any more.
                guard connection.isConnected else { return }
                logger.warning(
                    "a gateway is not told how much its revocation has ended",
                    metadata: [LogKey.subject: "\(report.subject)", LogKey.error: "\(error)"])
            }
        }
    }

    /// A revocation whose content cannot be read counts from the time at which its message was stored.
    private static func revocation(_ message: StreamMessage, of identity: StreamIdentity) -> TierRevocation? {
        guard let scope = TokenRevocation.Scope(subject: message.subject) else { return nil }
        let time = (try? WireCodec.decode(TokenRevocation.self, from: message.payload))?.time ?? WireTime(message.published)
        let mark = TierRevocation.Mark(identity.position(message.sequence), time: time.seconds)
        switch scope {
        case .backend(let backend): return TierRevocation(.backend(backend.rawValue), mark)
        case .visitor(let backend, let user): return Self.digest(user).map { TierRevocation(.visitor($0, of: backend.rawValue), mark) }
        case .user(let user): return Self.digest(user).map { TierRevocation(.user($0), mark) }
        case .key(let key): return Self.digest(key).map { TierRevocation(.key($0), mark) }
        case .token(let token): return Self.digest(token).map { TierRevocation(.token($0), mark) }
        }
    }

    private static func digest(_ hash: TokenHash) -> TokenDigest? { TokenDigest(hexadecimal: hash.rawValue) }
}

extension StreamIdentity {
    func position(_ sequence: UInt64) -> TokenGeneration { TokenGeneration(stream: self.created, copy: self.copy, sequence: sequence) }
}
