package import ACME
package import Logging
package import PlaneMessaging
package import PlaneProtocol
import LogKeys
import PlaneService
import Timing

/// Lets the schedulers store a challenge, which then reaches every name server, and returns when these show it.
package struct PublishedChallenge: ChallengeSolver {
    /// Pauses between attempts to reach a scheduler; one that is being replaced is back within seconds.
    private static let schedule = RetrySchedule(.seconds(1), .seconds(2), .seconds(5), .seconds(10))

    private let cluster: ClusterName
    private let bus: PlaneBus
    private let visibility: ChallengeVisibility
    private let logger: Logger

    package init(cluster: ClusterName, bus: PlaneBus, visibility: ChallengeVisibility, logger: Logger) {
        self.cluster = cluster
        self.bus = bus
        self.visibility = visibility
        self.logger = logger
    }

    package func present(_ record: ChallengeRecord) async throws {
        try await self.store(record.value)
        try await self.visibility.wait(for: record)
    }

    /// Does nothing. The value stays because removing it could hit another order; only the ten newest are kept.
    package func cleanUp(_ record: ChallengeRecord) async {}

    private func store(_ value: String) async throws {
        try await Self.schedule.attempt(
            if: { error in
                self.logger.notice("challenge is not stored yet", metadata: [LogKey.cluster: "\(self.cluster)", LogKey.error: "\(error)"])
                return !Task.isCancelled
            },
            { () async throws(BusRequestError) in try await self.attempt(value) })
    }

    private func attempt(_ value: String) async throws(BusRequestError) {
        guard try await self.bus.request(SetAcmeDNSRecord(cluster: self.cluster, value: value)) else {
            throw .refused(ErrorReply(code: .notPermitted, message: "the scheduler does not take the challenge"))
        }
    }
}
