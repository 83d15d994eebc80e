package import Logging
import LogKeys
import NATS
package import PlaneMessaging
package import PlaneProtocol
import PlaneService
import PlaneState
package import SchedulerCoreConfiguration
import Synchronization

/// Handles registrations and status messages of drones, and writes them to `plane_state`.
package final class DroneMonitor: Sendable {
    private let fleet: StateStore
    private let writer: StateWriter
    private let logger: Logger
    private let caller: InventoryCollector
    private let bus: PlaneBus
    private let acceptsLegacyPeers: Bool
    private let throttle = Mutex(DroneStatusThrottle())
    /// Drones that are being asked what they run.
    private let calling = Mutex<Set<DroneStatusThrottle.Key>>([])

    package init(bus: PlaneBus, fleet: StateStore, writer: StateWriter, configuration: SchedulerConfiguration, logger: Logger) {
        self.bus = bus
        self.caller = InventoryCollector(bus: bus, fleet: fleet, writer: writer, configuration: configuration, logger: logger)
        self.acceptsLegacyPeers = configuration.acceptsLegacyPeers
        self.fleet = fleet
        self.writer = writer
        self.logger = logger
    }

    /// A registration on the subject that all drones of a cluster share, where each can speak for another.
    package func registerShared(_ request: DroneConnectRequest) async -> Result<Bool, ErrorReply> {
        guard self.acceptsLegacyPeers else {
            self.logger.warning(
                "registration on the shared subject is refused",
                metadata: [LogKey.cluster: "\(request.cluster)", LogKey.drone: "\(request.droneID)", LogKey.hint: "\(ErrorReply.isShared.message)"])
            return .failure(.isShared)
        }
        return await self.register(request)
    }

    /// Stores the registration; answers when the drone's address is in the stream. What is there already is not written again: drones repeat their
    /// registration, and each message about a drone gives the cluster's zone another serial.
    package func register(_ request: DroneConnectRequest) async -> Result<Bool, ErrorReply> {
        let message = DroneMessage(drone: request.droneID, change: .metadata(DroneMetadata(request)))
        var metadata: Logger.Metadata = [LogKey.cluster: "\(request.cluster)", LogKey.drone: "\(request.droneID)"]
        let isNews = self.fleet.ask { $0.drone(request.droneID, in: request.cluster)?.metadata } != DroneMetadata(request)
        do {
            if await !self.isStored(request) { try await self.writer.write(.cluster(request.cluster, .drone(message))) }
        } catch {
            metadata[LogKey.error] = "\(error)"
            self.logger.error("drone cannot be registered", metadata: metadata)
            return .failure(.cannotWrite(error))
        }
        metadata[LogKey.version] = "\(request.version ?? DroneConnectRequest.missingVersion)"
        // Only news is logged as `info`, because drones repeat their registration every minute or so.
        self.logger.log(level: isNews ? .info : .debug, "drone registered", metadata: metadata)
        return .success(true)
    }

    /// Asks the stream and not the state of the fleet, which may be behind what another scheduler has written.
    private func isStored(_ request: DroneConnectRequest) async -> Bool {
        let subject = DroneMessage.metadataSubject(of: request.droneID, in: request.cluster)
        guard let stored = try? await self.bus.connection.jetStream.lastMessage(stream: SchedulerStreams.planeState, subject: subject),
            case .cluster(request.cluster, .drone(let message)) = try? WireCodec.decode(StateMessage.self, from: stored.payload)
        else { return false }
        return message == DroneMessage(drone: request.droneID, change: .metadata(DroneMetadata(request)))
    }

    /// Notes a status message. Every scheduler does so for every drone, and so knows which drones are alive even while nothing can be written.
    package func hear(_ status: DroneStatusMessage) {
        self.fleet.heard(status, at: .now())
    }

    /// Writes the part of a status message that readers of the stream need; one scheduler of the queue group does so.
    package func record(_ status: DroneStatusMessage) async {
        guard await self.reconcile(status) else { return }
        let incarnation = self.fleet.incarnation
        let (known, sequence) = self.fleet.ask { fleet in
            let drone = fleet.drone(status.droneID, in: status.cluster)
            return (DroneStatusThrottle.Known(state: drone?.state, lastSeen: drone?.lastSeen), fleet.sequence)
        }
        let messages = self.throttle.withLock {
            $0.heard(status, known: known, stateSequence: sequence, incarnation: incarnation, now: .now())
        }
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
        self.throttle.withLock { $0.written(status, sequence: last) }
        if known.state != status.state, last != nil {
            self.logger.info(
                "drone changed its state",
                metadata: [LogKey.cluster: "\(status.cluster)", LogKey.drone: "\(status.droneID)", LogKey.state: "\(status.state)"])
        }
    }

    /// Asks a drone that the state does not know or has marked `Lost` what it runs, before its status counts. Afterwards its backends are known
    /// again, and those marked `Lost` have been told to stop.
    /// - Returns: whether the state and the drone agree, as far as that is possible.
    private func reconcile(_ status: DroneStatusMessage) async -> Bool {
        let drone = self.fleet.ask { $0.drone(status.droneID, in: status.cluster) }
        guard drone?.metadata == nil || drone?.state == .lost else { return true }
        let key = DroneStatusThrottle.Key(drone: status.droneID, cluster: status.cluster)
        guard self.calling.withLock({ $0.insert(key).inserted }) else { return false }
        defer { self.calling.withLock { _ = $0.remove(key) } }
        switch await self.caller.call(status.droneID, in: status.cluster) {
        case .agreed: return true
        case .failed: return false
        case .nobody:
            // Agents that do not answer are of 0.3.24. Of others this may be the status of a drone that was made up, and of which nothing is written.
            guard drone?.metadata != nil || self.acceptsLegacyPeers else { return false }
            guard drone?.state == .lost else { return true }
            // An agent of 0.3.24 does not answer what it runs, but stops the backends that it is told to.
            let writtenOff = self.fleet.ask { $0.backends(of: status.droneID, in: status.cluster, endedAs: .lost) }
            await withDiscardingTaskGroup { group in
                for backend in writtenOff {
                    group.addTask { await Termination.request(backend, in: status.cluster, bus: self.bus, logger: self.logger) }
                }
            }
            return true
        }
    }
}
