import Logging
import LogKeys
import NATS
import PlaneProtocol
import PlaneService
import PlaneState
import SchedulerCoreConfiguration

/// Deletes outdated messages from `plane_state`, a few in each round: of backends that ended long ago, of locks that nobody uses, of lost drones.
/// (The other streams have an age limit, which the server enforces.)
struct Retention: Sendable {
    private let jetStream: JetStream
    private let deleter: MessageDeleter
    private let tokenDeleter: MessageDeleter
    private let writer: StateWriter
    private let fleet: StateStore
    private let configuration: SchedulerConfiguration
    private let logger: Logger

    /// Records looked at in one round, which takes a millisecond; a million in less than a minute.
    private static let recordsAtOnce = 20_000
    /// Most backends, locks and drones deleted in one round of a second: three times what a fleet leaves that ends twenty backends a second. A
    /// server deletes their messages in less than 50 ms.
    private static let mostInOneRound = 60
    /// How many backends, locks and drones are deleted at the same time. The messages of one are deleted one after the other.
    private static let atOnce = 8
    /// Time for which a lost drone stays visible to its operator: longer than a holiday.
    private static let lostDroneRetention: Duration = .seconds(30 * 24 * 3600)
    /// Time for which the announcement of a lock stays that no backend has got, longer than any request for it.
    private static let unusedLockRetention: Duration = .seconds(600)

    init(jetStream: JetStream, fleet: StateStore, configuration: SchedulerConfiguration, logger: Logger) {
        self.jetStream = jetStream
        self.deleter = MessageDeleter(SchedulerStreams.planeState, jetStream: jetStream, logger: logger)
        self.tokenDeleter = MessageDeleter(BearerTokenStore.stream, jetStream: jetStream, logger: logger)
        self.writer = StateWriter(jetStream: jetStream)
        self.fleet = fleet
        self.configuration = configuration
        self.logger = logger
    }

    /// Does one round. What was found and not deleted is found again later.
    func advance(_ scan: inout RetentionScan, now: StateTime) async {
        let limits = RetentionScan.Limits(
            endedBefore: now.adding(.zero - self.configuration.endedRetention), lostBefore: now.adding(.zero - Self.lostDroneRetention),
            unusedBefore: now.adding(.zero - Self.unusedLockRetention), findsTokens: !self.configuration.acceptsLegacyPeers)
        let (found, next) = self.fleet.ask { [scan] fleet in
            var scan = scan
            let found = scan.next(in: fleet, limits, count: Self.recordsAtOnce)
            return (found, scan)
        }
        // If there was more than one round can do, the next round looks at the same records again.
        if found.count <= Self.mostInOneRound { scan = next }
        await withTaskGroup(of: Bool.self) { group in
            for (index, outdated) in found.prefix(Self.mostInOneRound).enumerated() {
                if index >= Self.atOnce, await group.next() == false { break }
                guard !Task.isCancelled else { break }
                group.addTask { await self.erase(outdated) }
            }
        }
    }

    private func erase(_ outdated: RetentionScan.Outdated) async -> Bool {
        do throws(NATSError) {
            switch outdated {
            case .backend(let backend, let cluster):
                if self.fleet.ask({ $0.backend(backend, in: cluster)?.hasHiddenToken == true }) {
                    try await self.tokenStore.forget(backend, in: cluster, with: self.tokenDeleter)
                }
                let messages = self.fleet.ask { $0.messages(of: backend, in: cluster) }
                try await self.noteNames(deleting: messages, in: cluster)
                try await self.deleter.erase(
                    messages,
                    subjects: [Self.subject("backend.\(backend)", in: cluster), Self.subject("backend.\(backend).>", in: cluster)])
            case .token(let backend, let cluster):
                try await self.hideToken(of: backend, in: cluster)
            case .lock(let lock, let cluster, let sequence):
                // The lock's messages are kept if another announcement has been written meanwhile.
                let messages = self.fleet.ask { $0.announcementSequence(of: lock, in: cluster) == sequence ? $0.messages(of: lock, in: cluster) : [] }
                try await self.deleter.erase(
                    messages, subjects: [Self.subject("lock.\(lock.subjectHash).*", in: cluster)],
                    before: sequence + 1)
            case .drone(let drone, let cluster):
                // Purged by subject, which is slow but rare: a few drones a month.
                try await self.noteNames(deleting: nil, in: cluster)
                try await self.deleter.erase(nil, subjects: [Self.subject("drone.\(drone).>", in: cluster)])
            }
        } catch {
            self.logger.warning("what is outdated cannot be deleted", metadata: [LogKey.error: "\(error)"])
            return false
        }
        self.fleet.forget(outdated)
        return true
    }

    /// Keeps the place of the change that the serial of the cluster's zone is made from, so that name servers that start later have the same one.
    private func noteNames(deleting messages: [UInt64]?, in cluster: ClusterName) async throws(NATSError) {
        guard let (note, expected) = self.fleet.ask({ $0.noteOfNames(deleting: messages, in: cluster) }) else { return }
        do {
            try await self.writer.write(note, expecting: expected)
        } catch where error.code == .wrongLastSequence {
            // Several are deleted at the same time, by other schedulers too. Whoever was faster has kept the same place, or a later one.
            guard case .cluster(_, .names(let ours)) = note,
                let stored = try await self.jetStream.lastMessage(stream: SchedulerStreams.planeState, subject: note.subject),
                case .cluster(_, .names(let theirs)) = try? WireCodec.decode(StateMessage.self, from: stored.payload), theirs >= ours
            else { throw error }
        }
    }

    private var tokenStore: BearerTokenStore { BearerTokenStore(jetStream: self.jetStream, configuration: self.configuration) }

    /// Removes a token from the state, which was written there while readers of 0.3.24 were accepted.
    private func hideToken(of backend: BackendID, in cluster: ClusterName) async throws(NATSError) {
        let lock = self.fleet.ask { $0.backend(backend, in: cluster)?.lock }
        let place = Self.subject("backend.\(backend)", in: cluster)
        // The first is today's subject of the assignment, the second that of older versions.
        for subject in [place + ".assignment" + (lock.map { ".lock.\($0.subjectHash)" } ?? ""), place] {
            guard let stored = try await self.jetStream.lastMessage(stream: SchedulerStreams.planeState, subject: subject),
                case .cluster(_, .backend(let message)) = try? WireCodec.decode(StateMessage.self, from: stored.payload),
                case .assignment(let assignment) = message.change, assignment.bearerToken != nil
            else { continue }
            let hidden = BackendMessage(
                backend: backend, change: .assignment(try await self.tokenStore.putAway(assignment, of: backend, in: cluster)))
            let change = StateMessage.cluster(cluster, .backend(hidden))
            do {
                try await self.writer.write(change, expecting: change.subject == subject ? stored.sequence : 0)
            } catch where error.code == .wrongLastSequence {}  // Whoever has written another one since has put its token away himself.
            if change.subject != subject { try await self.deleter.erase([stored.sequence], subjects: []) }
        }
    }

    private static func subject(_ tail: String, in cluster: ClusterName) -> String { "state.cluster.\(cluster.subjectToken).\(tail)" }
}
