package import Logging
import NATS
package import PlaneProtocol
import PlaneService
import PlaneState
import Synchronization

/// Listens to drones: registrations and signs of life.
package final class DroneMonitor: Sendable {
    private let world: LiveWorld
    private let writer: WorldWriter
    private let logger: Logger
    private let journal = Mutex(DroneJournal())

    package init(world: LiveWorld, writer: WorldWriter, logger: Logger) {
        self.world = world
        self.writer = writer
        self.logger = logger
    }

    /// Answered when the drone's address is stored.
    package func register(_ request: DroneConnectRequest) async -> Result<Bool, ErrorReply> {
        let message = DroneMessage(drone: request.droneID, change: .metadata(DroneMetadata(request)))
        var metadata: Logger.Metadata = [LogKey.cluster: "\(request.cluster)", LogKey.drone: "\(request.droneID)"]
        do {
            try await self.writer.write(.cluster(request.cluster, .drone(message)))
        } catch {
            metadata[LogKey.error] = "\(error)"
            self.logger.error("drone cannot be registered", metadata: metadata)
            return .failure(.cannotWrite)
        }
        metadata[LogKey.version] = "\(request.version ?? DroneConnectRequest.missingVersion)"
        self.logger.info("drone registered", metadata: metadata)
        return .success(true)
    }

    /// Every scheduler hears every drone: who is alive is known even while nothing can be written.
    package func hear(_ status: DroneStatusMessage) {
        self.world.heard(status, at: .now())
    }

    /// One scheduler writes what a reader of the stream must know of it.
    package func record(_ status: DroneStatusMessage) async {
        let (known, sequence) = self.world.ask { world in
            let drone = world.drone(status.droneID, in: status.cluster)
            return (DroneJournal.Known(state: drone?.state, lastSeen: drone?.lastSeen), world.sequence)
        }
        let messages = self.journal.withLock { $0.heard(status, known: known, worldSequence: sequence, now: .now()) }
        guard !messages.isEmpty else { return }
        var last: UInt64?
        do {
            for message in messages {
                last = try await self.writer.write(.cluster(status.cluster, .drone(message)))
            }
        } catch {
            last = nil
            self.logger.warning(
                "drone's state cannot be written",
                metadata: [LogKey.cluster: "\(status.cluster)", LogKey.drone: "\(status.droneID)", LogKey.error: "\(error)"])
        }
        self.journal.withLock { $0.written(status, sequence: last) }
        if known.state != status.state, last != nil {
            self.logger.info(
                "drone changed its state",
                metadata: [LogKey.cluster: "\(status.cluster)", LogKey.drone: "\(status.droneID)", LogKey.state: "\(status.state)"])
        }
    }
}
