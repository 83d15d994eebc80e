package import Logging
import LogKeys
import NATS
package import PlaneProtocol
import PlaneService
import PlaneState

/// Handles requests to serve the value of an ACME challenge in DNS: writes it to `plane_state`, which every name server follows.
package struct ChallengeMonitor: Sendable {
    /// Attempts to write. When many values come at once, each round of attempts lets one of them through, and the others see it in the state
    /// within milliseconds. After so many, about three seconds, the message on the subject is not the one the state shows.
    private static let attempts = 60
    /// Pause between two attempts, in milliseconds, chosen at random so that two schedulers do not collide again.
    private static let pause = 5...100

    private let fleet: StateStore
    private let writer: StateWriter
    private let logger: Logger

    package init(fleet: StateStore, writer: StateWriter, logger: Logger) {
        self.fleet = fleet
        self.writer = writer
        self.logger = logger
    }

    package func store(_ request: SetAcmeDNSRecord) async -> Result<Bool, ErrorReply> {
        do {
            try await self.write(request)
        } catch {
            self.logger.error("challenge cannot be stored", metadata: [LogKey.cluster: "\(request.cluster)", LogKey.error: "\(error)"])
            return .failure(.cannotWrite(error))
        }
        self.logger.info("challenge stored", metadata: [LogKey.cluster: "\(request.cluster)"])
        return .success(true)
    }

    /// The message repeats the values before it, so it must not replace one that this scheduler has not seen.
    private func write(_ request: SetAcmeDNSRecord) async throws(NATSError) {
        for _ in 0..<Self.attempts {
            let (message, expected) = self.fleet.ask { $0.acmeMessage(adding: request.value, in: request.cluster) }
            do {
                try await self.writer.write(message, expecting: expected)
                return
            } catch where error.code == .wrongLastSequence {
                // If the task was cancelled, the next write throws.
                try? await Task.sleep(for: .milliseconds(Int.random(in: Self.pause)))
            }
        }
        // An operator may have purged the subject, so it is written without a condition.
        try await self.writer.write(self.fleet.ask { $0.acmeMessage(adding: request.value, in: request.cluster).message })
    }
}
