package import Logging
package import PlaneProtocol
import PlaneService

/// Takes the values that DNS must show to a certificate authority.
package struct ChallengeMonitor: Sendable {
    private let writer: WorldWriter
    private let logger: Logger

    package init(writer: WorldWriter, logger: Logger) {
        self.writer = writer
        self.logger = logger
    }

    package func store(_ request: SetAcmeDNSRecord) async -> Result<Bool, ErrorReply> {
        do {
            try await self.writer.write(.cluster(request.cluster, .acme(request.value)))
        } catch {
            self.logger.error("challenge cannot be stored", metadata: [LogKey.cluster: "\(request.cluster)", LogKey.error: "\(error)"])
            return .failure(.cannotWrite)
        }
        self.logger.info("challenge stored", metadata: [LogKey.cluster: "\(request.cluster)"])
        return .success(true)
    }
}
