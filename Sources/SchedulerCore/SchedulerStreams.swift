package import NATS
import PlaneService
package import SchedulerCoreConfiguration
import WorldFollowing

/// The streams of a cluster. Schedulers create them, and keep their replicas and limits of age and size as configured; everything else about
/// a stream that exists is left as its operator wants it.
package enum SchedulerStreams {
    package static let planeState = WorldStream.name
    package static let backendStatus = "backend_status"
    /// Who does the work that one scheduler is enough for; see `Lease`.
    static let leases = "plane_leases"
    static let leaseDuration: Duration = .seconds(30)

    package struct Stream: Sendable, Hashable {
        package var configuration: StreamConfiguration
        /// Whether a scheduler can do nothing without it.
        package var isEssential: Bool
        /// The limit of its size is not the configured one, because the store is too small for that.
        var isCutToStore = false
    }

    /// Of the store, for what is kept only to be looked at later: whoever may write nothing more because of that can do no work.
    private static let historyShare: UInt64 = 8
    /// States of backends are short and few beside what backends print.
    private static let statusShare: Int64 = 4
    /// Records of a minute that nobody reads.
    private static let dnsRecordBytes: Int64 = 16 << 20
    /// No stream is worth having that keeps less.
    static let smallestLimit: Int64 = 64 << 10

    /// The essential ones first.
    ///
    /// Agents publish to `backend_logs` without waiting for an answer, and what is lost there is no loss to the system: one copy.
    /// And no acknowledgement: with one, whoever may publish a line could have the server publish for him wherever he likes.
    /// - Parameter store: bytes there are for all streams, if that is known.
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
        // Tokens of backends (`TokenVault`): the last message of each subject.
        let secrets = stream(TokenVault.stream, ["secret.>"], isEssential: true, maxMessagesPerSubject: 1, replicas: replicas)
        return (configuration.acceptsLegacyPeers ? [] : [secrets]) + [
            // The shared memory: the last message of each subject.
            stream(self.planeState, ["state.>"], isEssential: true, maxMessagesPerSubject: 1, replicas: replicas),
            // A lease is over when the server has forgotten the message: its clock decides, and none of ours.
            stream(
                self.leases, ["lease.>"], isEssential: true, maxMessagesPerSubject: 1, maxAge: self.leaseDuration, replicas: replicas),
            // Behind those without a limit: the server makes no more of them once all of its store is set aside.
            stream(
                self.backendStatus, ["backend.*.status"], isEssential: true, maxAge: age,
                maxBytes: history.map { $0 / self.statusShare } ?? StreamConfiguration.unlimited, replicas: replicas, part: self.statusShare),
            // Sealed certificates and who orders them (`CertificateCore`): the last message of each subject.
            stream("plane_certificates", ["certificate.>"], maxMessagesPerSubject: 1, replicas: replicas),
            stream(
                "backend_logs", ["backend.*.log"], maxMessagesPerSubject: 500, maxAge: age,
                maxBytes: history ?? StreamConfiguration.unlimited, isAcknowledged: false),
            // Read by nobody today; older agents still publish there.
            stream(
                "dns_record", ["cluster.*.dns.*"], maxAge: .seconds(60), maxBytes: self.dnsRecordBytes, part: self.statusShare,
                isAcknowledged: false),
        ]
    }
}

extension UInt64 {
    /// Two schedulers that measure a store a little differently come to the same.
    fileprivate var powerOfTwoBelow: UInt64 { self == 0 ? 0 : 1 << (UInt64.bitWidth - 1 - self.leadingZeroBitCount) }
}
