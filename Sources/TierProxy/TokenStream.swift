import JSONValues
package import Logging
package import NATS
import NIOCore
package import PlaneProtocol
import PlaneService
import Synchronization
package import TierProxyPolicy
import Timing

/// The stream `plane_tokens` as the tier uses it: one token is asked for when a visitor shows it, revocations are followed, uses are told.
package final class TokenStream: Sendable {
    private let jetStream: JetStream
    private let cluster: ClusterName
    private let logger: Logger
    private let areRevocationsKnown = Atomic(false)

    /// For one question. The policy's requests wait for it.
    private static let limit: Duration = .seconds(4)
    /// Pause between attempts to begin reading; afterwards the consumer restores itself.
    private static let retryPause: Duration = .seconds(1)

    package init(_ jetStream: JetStream, cluster: ClusterName, logger: Logger) {
        self.jetStream = jetStream
        self.cluster = cluster
        self.logger = logger
    }

    /// Whether every revocation that there was at the beginning has been applied. Before that no token opens anything.
    package var isReady: Bool { self.areRevocationsKnown.load(ordering: .acquiring) }

    // MARK: Tokens

    /// - Parameter completion: Called once, on any thread, within four seconds.
    package func fetch(_ token: TokenDigest, _ completion: @escaping @Sendable (FetchedToken) -> Void) {
        guard self.isReady, self.jetStream.connection.isConnected else { return completion(.unavailable) }
        Task { completion(await self.fetch(token)) }
    }

    private func fetch(_ token: TokenDigest) async -> FetchedToken {
        switch await self.read(token) {
        case .unavailable: .unavailable
        case .none: .none
        case .record(let record, let sequence):
            .granted(Self.grant(record, sequence: sequence), age: Self.age(of: record))
        }
    }

    private enum Read: Sendable {
        case record(TokenRecord, sequence: UInt64)
        case none
        case unavailable
    }

    /// A record that cannot be read opens nothing, and neither does one of another cluster.
    private func read(_ token: TokenDigest) async -> Read {
        let jetStream = self.jetStream
        let subject = "token.\(token.hexadecimal)"
        do throws(NATSError) {
            let found = try await withTimeLimit(Self.limit) { () async throws(NATSError) in
                try await jetStream.lastMessage(stream: TokenRecord.stream, subject: subject)
            }
            guard let found else { return .unavailable }
            guard let message = found, let record = try? WireCodec.decode(TokenRecord.self, from: message.payload), record.cluster == self.cluster
            else { return .none }
            return .record(record, sequence: message.sequence)
        } catch {
            return .unavailable
        }
    }

    static func grant(_ record: TokenRecord, sequence: UInt64) -> TokenGrant {
        let auth = record.auth == .null ? nil : record.auth
        return TokenGrant(
            backend: record.backend.rawValue, user: record.user, userData: auth.map { VisitorData.header(of: $0) } ?? "{}", secret: record.secret,
            subdomain: record.subdomain?.rawValue,
            isStatic: record.isStatic, lifetime: record.lifetime.map { .seconds(Int64(clamping: min($0.rawValue, Self.longestLifetime))) },
            sequence: record.firstSequence ?? sequence)
    }

    /// A century, so that no time overflows.
    private static let longestLifetime: UInt64 = 3_153_600_000

    /// By our clock and the gateway's; one that is ahead of ours has made it now.
    private static func age(of record: TokenRecord) -> TimeAmount {
        .seconds(min(max(0, WireTime.now().seconds - record.issued.seconds), Int64(Self.longestLifetime)))
    }

    /// Tells the others that the token is in use. Revocations count from where its first record stands, so that no use lifts one; a record that
    /// was deleted or replaced meanwhile stays so.
    package func tellUse(of token: TokenDigest) {
        Task {
            guard case .record(var record, let sequence) = await self.read(token) else { return }
            record.firstSequence = record.firstSequence ?? sequence
            record.issued = .now()
            // If it fails, another one in a quarter of the lifetime tells it too.
            _ = try? await self.jetStream.publish(
                WireCodec.encode(record), to: "token.\(token.hexadecimal)", expectedLastSubjectSequence: sequence)
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
            // Cancelled meanwhile, the loop ends.
            await self.jetStream.connection.pause(atMost: Self.retryPause)
        }
    }

    private func apply(_ consumer: OrderedConsumer, to directory: TierDirectory) async {
        if consumer.initialPending == 0 { self.areRevocationsKnown.store(true, ordering: .releasing) }
        var incarnation: UInt64?
        for await message in consumer {
            if let incarnation, incarnation != message.streamIncarnation { directory.apply(.countsAnew) }
            incarnation = message.streamIncarnation
            if let (backend, user) = TokenRevocation.names(of: message.subject), let user = TokenDigest(hexadecimal: user.rawValue) {
                directory.apply(.revoked(backend: backend.rawValue, user: user, sequence: message.sequence))
            }
            if message.pending == 0 { self.areRevocationsKnown.store(true, ordering: .releasing) }
        }
    }
}
