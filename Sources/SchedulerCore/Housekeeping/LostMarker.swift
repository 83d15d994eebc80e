import Logging
import LogKeys
import NATS
import PlaneMessaging
import PlaneProtocol
import PlaneService

/// Marks lost drones and backends: writes `Lost` to `plane_state`, and of backends to the public feed. That frees their locks.
struct LostMarker: Sendable {
    let bus: PlaneBus
    let writer: StateWriter
    let logger: Logger

    private static let maxConcurrent = 64

    /// Marks a drone: from then on it gets no new backends. Its backends are marked afterwards, but for those that another drone has claimed
    /// meanwhile. What could not be written is found again by the housekeeping.
    /// - Returns: the message's sequence in the stream; nil if it could not be written.
    func drone(_ drone: DroneID, in cluster: ClusterName) async -> UInt64? {
        var metadata: Logger.Metadata = [LogKey.cluster: "\(cluster)", LogKey.drone: "\(drone)"]
        do {
            let message = DroneMessage(drone: drone, change: .state(.lost, at: .now()))
            let sequence = try await self.writer.write(.cluster(cluster, .drone(message)))
            self.logger.warning("drone was silent for too long and is written off with its backends", metadata: metadata)
            return sequence
        } catch {
            metadata[LogKey.error] = "\(error)"
            self.logger.error("lost drone cannot be written off", metadata: metadata)
            return nil
        }
    }

    func backends(_ backends: Set<BackendID>, of drone: DroneID, in cluster: ClusterName) async {
        await withTaskGroup(of: Void.self) { group in
            for (index, backend) in backends.enumerated() {
                if index >= Self.maxConcurrent { await group.next() }
                group.addTask { await self.backend(backend, of: drone, in: cluster) }
            }
        }
    }

    private func backend(_ backend: BackendID, of drone: DroneID, in cluster: ClusterName) async {
        var metadata: Logger.Metadata = [LogKey.cluster: "\(cluster)", LogKey.drone: "\(drone)", LogKey.backend: "\(backend)"]
        let message = BackendStateMessage(cluster: cluster, state: .lost, backend: backend, time: .now())
        do {
            let change = BackendMessage(backend: backend, change: .state(.lost, at: .now()))
            try await self.writer.writeOnce(.cluster(cluster, .backend(change)))
            _ = try await self.bus.connection.jetStream.publish(
                WireCodec.encode(message), to: message.subject, headers: ["Nats-Msg-Id": "\(cluster).\(backend).\(BackendState.lost)"])
        } catch {
            metadata[LogKey.error] = "\(error)"
            return self.logger.error("lost backend cannot be written off", metadata: metadata)
        }
        self.logger.warning("backend is written off", metadata: metadata)
    }
}
