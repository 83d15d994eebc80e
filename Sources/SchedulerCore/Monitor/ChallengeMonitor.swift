package import Logging
import NATS
package import PlaneProtocol
import PlaneService
import PlaneState

/// Takes the values that DNS must show to a certificate authority.
package struct ChallengeMonitor: Sendable {
    /// The world shows what another scheduler has written within milliseconds; after the last of these pauses it is not going to.
    private static let pauses = [Duration.milliseconds(10), .milliseconds(50), .milliseconds(250)]

    private let world: LiveWorld
    private let writer: WorldWriter
    private let logger: Logger

    package init(world: LiveWorld, writer: WorldWriter, logger: Logger) {
        self.world = world
        self.writer = writer
        self.logger = logger
    }

    package func store(_ request: SetAcmeDNSRecord) async -> Result<Bool, ErrorReply> {
        do {
            try await self.write(request)
        } catch {
            self.logger.error("challenge cannot be stored", metadata: [LogKey.cluster: "\(request.cluster)", LogKey.error: "\(error)"])
            return .failure(.cannotWrite)
        }
        self.logger.info("challenge stored", metadata: [LogKey.cluster: "\(request.cluster)"])
        return .success(true)
    }

    /// The message repeats the values before it, so it must not replace one that this scheduler has not seen.
    private func write(_ request: SetAcmeDNSRecord) async throws(NATSError) {
        for pause in Self.pauses {
            let (message, expected) = self.world.ask { $0.acmeMessage(adding: request.value, in: request.cluster) }
            do {
                try await self.writer.write(message, expecting: expected)
                return
            } catch where error.code == .wrongLastSequence {
                // If cancelled, the next attempt says so.
                try? await Task.sleep(for: pause)
            }
        }
        // The subject was purged by hand, or a value comes from somewhere all the time: this one counts too.
        try await self.writer.write(self.world.ask { $0.acmeMessage(adding: request.value, in: request.cluster).message })
    }
}
