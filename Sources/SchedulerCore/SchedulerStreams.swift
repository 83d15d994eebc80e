package import NATS
import PlaneProtocol
import PlaneService
package import SchedulerCoreConfiguration
import StateReplication

/// The JetStream streams of a fleet (dev/docs/protocol.md, Streams). Schedulers create them, and keep their replicas and their limits of age and size
/// as configured; everything else about an existing stream is left as its operator has set it.
package enum SchedulerStreams {
    package static let planeState = StateStream.name
    package static let backendStatus = "backend_status"
    /// The stream of leases: which scheduler does the housekeeping; see `Lease`.
    static let leases = "plane_leases"
    static let leaseDuration: Duration = .seconds(30)

    package struct Stream: Sendable, Hashable {
        package var configuration: StreamConfiguration
        /// Whether a scheduler can do nothing without this stream.
        package var isEssential: Bool
        /// Whether its size limit is smaller than the configured one, because the store is too small.
        var isCutToStore = false
        /// The stream that had these subjects before this one was wanted.
        var formerHome: String?
    }

    /// Log lines may take this fraction of the store at most (one eighth), so that the histories never fill it: with a full store nothing can be scheduled.
    private static let historyShare: UInt64 = 8
    /// States of backends may take this fraction of the limit of log lines (a quarter), because they are short and few.
    private static let statusShare: Int64 = 4
    /// Bytes of `dns_record`, where agents of 0.3.24 publish a minute's records that nobody reads.
    private static let dnsRecordBytes: Int64 = 16 << 20
    /// Bytes of `plane_tokens`: some three million tokens. With more, the oldest are forgotten, and their visitors have to ask the application again.
    private static let tokenBytes: Int64 = 1 << 30
    /// Bytes of `plane_token_uses`: more than a million tokens in use. With more, the oldest notes are forgotten.
    private static let tokenUseBytes: Int64 = 256 << 20
    /// Longer than a token may be unused before it ends (30 days), and than schedulers wait until they delete it then.
    private static let tokenUseAge: Duration = .seconds(40 * 24 * 3600)
    /// Bytes of `plane_keys`: some million homes. With more, the oldest are forgotten, and their keys are asked for where requests name their cluster.
    private static let keyBytes: Int64 = 256 << 20
    /// Bytes of `plane_certificates`, which keeps two messages for each cluster. With more, the oldest are forgotten, and ordered anew.
    private static let certificateBytes: Int64 = 64 << 20
    /// Smallest limit of a stream, in bytes; a stream that keeps less is not made.
    static let smallestLimit: Int64 = 64 << 10

    /// All streams, the essential ones first.
    ///
    /// What others than schedulers write into is bounded, so that none of them fills the store, with which all scheduling ends. Not so the state, the tokens
    /// of backends and the leases: of these nothing may be forgotten, and schedulers alone write them.
    ///
    /// `backend_logs` has one copy, since agents publish to it without waiting for an answer and log lines may be lost. It does not acknowledge:
    /// the server publishes acknowledgements on any subject the sender names, with its own permissions.
    /// - Parameter store: bytes for all streams together, if that is known.
    package static func all(_ configuration: SchedulerConfiguration, store: UInt64? = nil) -> [Stream] {
        let (replicas, age) = (configuration.replicas, configuration.historyRetention)
        let history = configuration.historyMaxBytes
        let share = store.map { Int64(clamping: ($0 / self.historyShare).powerOfTwoBelow) }
        func stream(
            _ name: String, _ subjects: [String], isEssential: Bool = false, maxMessagesPerSubject: Int64? = nil, maxAge: Duration? = nil,
            maxBytes: Int64? = nil, replicas: Int = 1, part: Int64 = 1, isAcknowledged: Bool = true
        ) -> Stream {
            let limit = maxBytes.map { $0 == StreamConfiguration.unlimited ? $0 : max($0, self.smallestLimit) }
            let most = share.map { max($0 / part, self.smallestLimit) }
            let isCut = limit.map { limit in most.map { limit != StreamConfiguration.unlimited && $0 < limit } ?? false } ?? false
            return Stream(
                configuration: StreamConfiguration(
                    name: name, subjects: subjects, maxMessagesPerSubject: maxMessagesPerSubject, maxAge: maxAge,
                    maxBytes: isCut ? most : limit, replicas: replicas, isAcknowledged: isAcknowledged),
                isEssential: isEssential, isCutToStore: isCut)
        }
        // Tokens of backends (`BearerTokenStore`): the last message of each subject.
        let secrets = stream(BearerTokenStore.stream, ["secret.>"], isEssential: true, maxMessagesPerSubject: 1, replicas: replicas)
        // Which tokens of visitors are in use (`TokenUse`): the last message of each subject. Proxies of the tier write it, to whom strangers speak.
        var tokenUses = stream(
            TokenUse.stream, [TokenUse.subscription], maxMessagesPerSubject: 1, maxAge: self.tokenUseAge, maxBytes: self.tokenUseBytes, replicas: replicas,
            part: self.statusShare)
        tokenUses.formerHome = TokenRecord.stream
        return (configuration.acceptsLegacyPeers ? [] : [secrets]) + [
            // The state of the fleet: the last message of each subject.
            stream(self.planeState, ["state.>"], isEssential: true, maxMessagesPerSubject: 1, replicas: replicas),
            // A lease ends when the server drops the message by its age, so only the server's clock counts.
            stream(
                self.leases, ["lease.>"], isEssential: true, maxMessagesPerSubject: 1, maxAge: self.leaseDuration, replicas: replicas),
            // Streams with a size limit come after those without: once limits take up all of its store, the server makes no more streams.
            stream(
                self.backendStatus, ["backend.*.status"], isEssential: true, maxAge: age,
                maxBytes: history.map { $0 / self.statusShare } ?? StreamConfiguration.unlimited, replicas: replicas, part: self.statusShare),
            // Sealed certificates and who orders them (`CertificateCore`): the last message of each subject.
            stream(
                "plane_certificates", ["certificate.>"], maxMessagesPerSubject: 1, maxBytes: self.certificateBytes, replicas: replicas,
                part: self.statusShare),
            stream(
                "backend_logs", ["backend.*.log"] + (configuration.acceptsLegacyPeers ? [] : [BackendLogMessage.ownSubscription]), maxMessagesPerSubject: 500,
                maxAge: age,
                maxBytes: history ?? StreamConfiguration.unlimited, isAcknowledged: false),
            // In which cluster a key is asked for (`KeyHome`), and the tokens of gateways' visitors (`TokenRecord`), with what gateways tell later ones:
            // the last message of each subject.
            stream(KeyHome.stream, [KeyHome.subscription], maxMessagesPerSubject: 1, maxBytes: self.keyBytes, replicas: replicas),
            // A revocation goes after all tokens that it ends, because the oldest message goes first.
            stream(
                TokenRecord.stream,
                [TokenRecord.subscription, TokenRevocation.subscription, "opened.*", VisitRecord.subscription]
                    + (configuration.keepsTokenUsesApart ? [] : [TokenUse.subscription]),
                maxMessagesPerSubject: 1, maxBytes: self.tokenBytes, replicas: replicas),
        ] + (configuration.keepsTokenUsesApart ? [tokenUses] : []) + [
            // Agents of 0.3.24 publish there; nobody reads it.
            stream(
                "dns_record", ["cluster.*.dns.*"], maxAge: .seconds(60), maxBytes: self.dnsRecordBytes, part: self.statusShare,
                isAcknowledged: false)
        ]
    }
}

extension UInt64 {
    /// The largest power of two up to this number, so that two schedulers which measure the store a little differently set the same limit.
    fileprivate var powerOfTwoBelow: UInt64 { self == 0 ? 0 : 1 << (UInt64.bitWidth - 1 - self.leadingZeroBitCount) }
}
