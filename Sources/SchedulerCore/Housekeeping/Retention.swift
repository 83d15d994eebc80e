import Logging
import NATS
import PlaneProtocol
import PlaneService
import PlaneState

/// Purges from `plane_state` what nobody needs any more, a little at a time. (The other streams have an age limit, which the server sees to.)
struct Retention: Sendable {
    let jetStream: JetStream
    let world: LiveWorld
    let configuration: SchedulerConfiguration
    let logger: Logger

    /// Records looked at in one round, which takes a millisecond; a million in less than a minute.
    private static let recordsAtOnce = 20_000
    /// Purges in one round. A million backends a day are twelve a second.
    private static let purgesAtOnce = 30
    /// A drone that was written off is kept for its operator to see, longer than a holiday.
    private static let lostDroneRetention: Duration = .seconds(30 * 24 * 3600)

    /// One round. What was found and not done is found again next time round.
    func advance(_ scan: inout RetentionScan, now: WorldTime) async {
        let limits = RetentionScan.Limits(
            endedBefore: now.adding(.zero - self.configuration.endedRetention), lostBefore: now.adding(.zero - Self.lostDroneRetention))
        let (found, next) = self.world.ask { [scan] world in
            var scan = scan
            let found = scan.next(in: world, limits, count: Self.recordsAtOnce)
            return (found, scan)
        }
        // With more to do than one round does, the same part is looked at again.
        if found.count <= Self.purgesAtOnce { scan = next }
        for outdated in found.prefix(Self.purgesAtOnce) {
            guard !Task.isCancelled, await self.purge(outdated) else { return }
        }
    }

    private func purge(_ outdated: RetentionScan.Outdated) async -> Bool {
        do throws(NATSError) {
            switch outdated {
            case .backend(let backend, let cluster):
                if self.world.ask({ $0.backend(backend, in: cluster)?.hasHiddenToken == true }) {
                    try await TokenVault(jetStream: self.jetStream, configuration: self.configuration).forget(backend, in: cluster)
                }
                try await self.purge("backend.\(backend).>", in: cluster)
            case .lock(let lock, let cluster, let sequence):
                // Not what somebody has announced since.
                try await self.purge("lock.\(lock.subjectHash).*", in: cluster, before: sequence + 1)
            case .drone(let drone, let cluster):
                try await self.purge("drone.\(drone).>", in: cluster)
            }
        } catch {
            self.logger.warning("what is outdated cannot be purged", metadata: [LogKey.error: "\(error)"])
            return false
        }
        self.world.forget(outdated)
        return true
    }

    private func purge(_ tail: String, in cluster: ClusterName, before sequence: UInt64? = nil) async throws(NATSError) {
        _ = try await self.jetStream.purge(
            stream: SchedulerStreams.planeState, subject: "state.cluster.\(cluster.subjectToken).\(tail)", before: sequence)
    }
}
