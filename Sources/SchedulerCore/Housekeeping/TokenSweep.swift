import Logging
import LogKeys
import NATS
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneState

/// Deletes what nobody needs any more of `plane_tokens`, and of `plane_token_uses` where the notes of use are kept apart: of backends that have ended the tokens of visitors, their use, revocations, what later visitors would
/// be told, and who has visited; tokens that have ended, because their time is over or nobody has used them for their lifetime; revocations that are about
/// no backend when no token is left that they could end.
///
/// A stream that is full forgets its oldest messages, which may be the tokens used for longest; so what is in it should be needed.
///
/// A stream has no index by backend, so it is read from its beginning to its end, some messages at a time, and then again. A record of a
/// backend that the state does not know is left alone while it is young: gateways write a token at the moment at which its backend is assigned.
struct TokenSweep: Sendable {
    private let jetStream: JetStream
    private let fleet: StateStore
    private let deleters: [String: MessageDeleter]
    private let logger: Logger
    /// The stream sequences at which the next looks begin.
    private var next: [String: UInt64] = [:]
    private var patience = Self.usualPatience
    /// The stream of notes; nil while there is none, and notes are among the tokens.
    private var notes: StreamInfo?

    /// The time between two looks.
    static let period: Duration = .seconds(60)
    /// How many messages one look reads. A million messages are read in some hours, with a few kilobytes per second.
    private static let messagesAtOnce = 5000
    /// The same when the stream is more than half full: as many as fit into the time of a look.
    private static let messagesInHaste = 500_000
    /// From this age on, a record of a backend that the state does not know is outdated.
    private static let youth: Duration = .seconds(600)
    /// For how long a token's time has been over, at least, when its record is deleted. While NATS takes no writes, no proxy can tell that a token is in use,
    /// and where this machine's clock is ahead, the time of more tokens looks over than is.
    private static let usualPatience: Duration = .seconds(24 * 3600)
    /// The same when the stream is more than half full: a proxy may have told a little late that a token is in use.
    private static let patienceInHaste: Duration = .seconds(600)
    /// How long one look may take.
    private static let limit: Duration = .seconds(30)

    init(jetStream: JetStream, fleet: StateStore, logger: Logger) {
        self.jetStream = jetStream
        self.fleet = fleet
        self.deleters = Dictionary(
            uniqueKeysWithValues: [TokenRecord.stream, TokenUse.stream].map { ($0, MessageDeleter($0, jetStream: jetStream, logger: logger)) })
        self.logger = logger
    }

    /// - Returns: how many records were deleted.
    @discardableResult
    mutating func advance(now: StateTime) async -> Int {
        // While the state is incomplete, too many backends look unknown.
        guard self.fleet.isCaughtUp, self.fleet.isCurrent, self.fleet.rebuildRemaining == .zero, !self.fleet.isYounger(than: Self.youth) else { return 0 }
        do throws(NATSError) {
            self.notes = try await self.info(TokenUse.stream)
        } catch {
            return self.failed(TokenUse.stream, error)
        }
        let streams = [TokenRecord.stream] + (self.notes == nil ? [] : [TokenUse.stream])
        var deleted = 0
        for stream in streams {
            do throws(NATSError) {
                deleted += try await self.checkRecords(in: stream, now: now)
            } catch {
                deleted += self.failed(stream, error)
            }
        }
        return deleted
    }

    private mutating func failed(_ stream: String, _ error: NATSError) -> Int {
        guard error.code != .cancelled else { return 0 }
        self.logger.debug("visitors' tokens cannot be looked through", metadata: [LogKey.stream: "\(stream)", LogKey.error: "\(error)"])
        self.next[stream] = nil
        return 0
    }

    /// Nil if there is no such stream.
    private func info(_ stream: String) async throws(NATSError) -> StreamInfo? {
        do {
            return try await self.jetStream.streamInfo(stream)
        } catch {
            guard error.code == .streamNotFound else { throw error }
            return nil
        }
    }

    private mutating func checkRecords(in stream: String, now: StateTime) async throws(NATSError) -> Int {
        let consumer = try await self.jetStream.orderedConsumer(stream: stream, from: .sequence(self.next[stream] ?? 1))
        defer { consumer.cancel() }
        guard consumer.initialPending > 0 else {
            self.next[stream] = nil
            return 0
        }
        let deadline = ContinuousClock.now + Self.limit
        let isHalfFull = try await self.info(stream).map { info in info.maxBytes.map { info.bytes > $0 / 2 } ?? false } ?? false
        self.patience = isHalfFull ? Self.patienceInHaste : Self.usualPatience
        let most = isHalfFull ? Self.messagesInHaste : Self.messagesAtOnce
        var (seen, deleted) = (0, 0)
        for await message in consumer {
            seen += 1
            self.next[stream] = message.sequence + 1
            for outdated in try await self.outdated(by: Stored(stream: stream, message: message), now: now) {
                let (sequence, subject) = (outdated.message.sequence, outdated.message.subject)
                // Where it has to be done by subject, what was written meanwhile stays.
                try await self.deleters[outdated.stream]?.erase([sequence], subjects: [subject], before: sequence + 1)
                deleted += 1
            }
            if message.pending == 0 {
                self.next[stream] = nil
                break
            }
            if seen >= most || .now >= deadline { break }
        }
        return deleted
    }

    private struct Stored {
        var stream: String
        var message: StreamMessage
    }

    /// What is to be deleted now that this message was read, in the order in which it is: the message itself, or nothing; before a token the notes of its use.
    private func outdated(by stored: Stored, now: StateTime) async throws(NATSError) -> [Stored] {
        let message = stored.message
        if self.isOutdated(message, now: now) { return [stored] }
        let age = now.since(WireTime(message.published).stateTime)
        if message.subject.hasPrefix(Self.tokens), let record = try? WireCodec.decode(TokenRecord.self, from: message.payload) {
            if let expires = record.expires, now.since(expires.stateTime) > self.patience { return [stored] }
            guard let lifetime = record.lifetime, let limit = self.longestPause(of: lifetime), now.since(record.issued.stateTime) > limit else { return [] }
            let uses = try await self.uses(of: String(message.subject.dropFirst(Self.tokens.count)))
            // Where notes have been forgotten because there are too many, none does not mean that the token is not in use.
            guard !uses.isEmpty || self.areNotesComplete else { return [] }
            return uses.allSatisfy { now.since(WireTime($0.message.published).stateTime) > limit } ? uses + [stored] : []
        }
        // Of a token whose record was pushed out, or of one that never was: who speaks for a proxy of the tier may write notes of any tokens.
        if message.subject.hasPrefix(Self.uses), age > self.patience {
            let token = Self.tokens + message.subject.dropFirst(Self.uses.count)
            return try await self.jetStream.lastMessage(stream: TokenRecord.stream, subject: token) == nil ? [stored] : []
        }
        return []
    }

    private static let tokens = "token."
    private static let uses = "used."

    /// The notes of use of one token: in the stream of their own, and from before there was one.
    private func uses(of hash: String) async throws(NATSError) -> [Stored] {
        var found: [Stored] = []
        for stream in (self.notes == nil ? [] : [TokenUse.stream]) + [TokenRecord.stream] {
            guard let note = try await self.jetStream.lastMessage(stream: stream, subject: Self.uses + hash) else { continue }
            found.append(Stored(stream: stream, message: note))
        }
        return found
    }

    private var areNotesComplete: Bool { self.notes.map { !StoreUsage(used: $0.bytes, limit: $0.maxBytes).isNearlyFull } ?? true }

    /// For how long a token with this lifetime has to be unused; nil for one that is longer than any time.
    private func longestPause(of lifetime: WireSeconds) -> Duration? {
        guard let seconds = Int64(exactly: lifetime.rawValue), seconds < 1 << 40 else { return nil }
        return .seconds(seconds) + max(self.patience, .seconds(seconds / 4))
    }

    private func isOutdated(_ message: StreamMessage, now: StateTime) -> Bool {
        if let scope = TokenRevocation.Scope(subject: message.subject), scope.backend == nil {
            return now.since(WireTime(message.published).stateTime) > .seconds(TokenRevocation.keptSeconds)
        }
        guard let (backend, cluster) = Self.owner(of: message) else { return false }
        let views = self.fleet.ask { fleet in
            (cluster.map { [$0] } ?? fleet.clusterNames).compactMap { fleet.backend(backend, in: $0) }
        }
        if let state = views.compactMap(\.state).first { return state.isTerminal }
        return views.isEmpty && now.since(WireTime(message.published).stateTime) > Self.youth
    }

    /// The backend that a record is about; nil for a record of a kind that only a later version knows, which is left alone.
    private static func owner(of message: StreamMessage) -> (backend: BackendID, cluster: ClusterName?)? {
        let tokens = message.subject.split(separator: ".", omittingEmptySubsequences: false)
        switch tokens.first {
        case "token":
            guard let record = try? WireCodec.decode(TokenRecord.self, from: message.payload) else { return nil }
            return (record.backend, record.cluster)
        case "used":
            guard let use = try? WireCodec.decode(TokenUse.self, from: message.payload) else { return nil }
            return (use.backend, use.cluster)
        case "revoked", "opened":
            return tokens.count > 1 ? BackendID(rawValue: String(tokens[1])).map { ($0, nil) } : nil
        case "visited": return VisitRecord.backend(of: message.subject).map { ($0, nil) }
        default: return nil
        }
    }
}
