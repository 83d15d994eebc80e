import DroneStore
package import Logging
package import PlaneProtocol
import LogKeys
import PlaneService

/// Answers spawn requests (dev/docs/protocol.md, The agent's part): `true` once the backend is in the table, `false` for what this drone refuses.
///
/// The answer is only a boolean because schedulers of 0.3.24 can read nothing else; the reason is in a header of the answer, and in the log. A request that
/// was accepted before is answered `true` again, since its sender has not seen the first answer.
package struct SpawnHandler: Sendable {
    package var cluster: ClusterName
    package var drone: DroneID
    /// How many live backends there may be; nil for no limit.
    package var maxBackends: Int?
    package var allowsVolumeMounts: Bool
    package var images: ImageAllowance
    /// Networks that a request may choose.
    package var networks: Set<String> = []
    /// Whether requests may ask for directories that outlive their backends.
    package var hasMountBase = false
    package var condition: DroneCondition
    package var registry: BackendRegistry
    package var logger: Logger

    package init(
        cluster: ClusterName, drone: DroneID, maxBackends: Int?, allowsVolumeMounts: Bool, images: ImageAllowance = .all,
        condition: DroneCondition, registry: BackendRegistry, logger: Logger
    ) {
        self.cluster = cluster
        self.drone = drone
        self.maxBackends = maxBackends
        self.allowsVolumeMounts = allowsVolumeMounts
        self.images = images
        self.condition = condition
        self.registry = registry
        self.logger = logger
    }

    /// - Returns: Nil when the drone has accepted the request, otherwise why not.
    package func handle(_ request: SpawnRequest) async -> ErrorReply? {
        guard request.cluster == self.cluster, request.droneID == self.drone else {
            return self.refuse(request, .badRequest, "it is for another drone")
        }
        do throws(MessageError) {
            try request.executable.checkStrings()
        } catch {
            return self.refuse(request, .badRequest, "executable.\(error)")
        }
        guard request.executable.volumeMounts.isEmpty || self.allowsVolumeMounts else {
            return self.refuse(request, .notPermitted, "the drone does not allow volume mounts (agent.docker.allow_volume_mounts)")
        }
        guard self.images.allows(request.executable.image) else {
            return self.refuse(request, .notPermitted, "the drone does not allow the image \(request.executable.image) (agent.images)")
        }
        if let network = request.executable.network, !self.networks.contains(network) {
            return self.refuse(
                request, .notPermitted, "the drone does not allow the network \(network.prefix(80)) (agent.docker.allowed_networks)")
        }
        guard request.executable.dataMount == nil || self.hasMountBase else {
            return self.refuse(request, .notPermitted, "the drone has no directories that outlive backends (agent.mount_base)")
        }
        let isDraining = self.condition.isDraining
        do throws(StoreError) {
            switch try await self.registry.admit(request, room: isDraining ? 0 : self.maxBackends) {
            case .admitted, .repeated: return nil
            case .nameTaken: return self.refuse(request, .backendExists, "the id belongs to another backend")
            case .noRoom where isDraining: return self.refuse(request, .draining, "the drone is being drained")
            case .noRoom: return self.refuse(request, .full, "the drone runs as many backends as it may (agent.max_backends)")
            }
        } catch {
            if !Task.isCancelled {
                self.logger.error(
                    "a spawn request could not be stored", metadata: [LogKey.backend: "\(request.backendID)", LogKey.error: "\(error)"])
            }
            return ErrorReply(code: .unavailable, message: "the drone could not store the request")
        }
    }

    private func refuse(_ request: SpawnRequest, _ code: ErrorReply.Code, _ reason: String) -> ErrorReply {
        self.logger.notice(
            "spawn request refused", metadata: [LogKey.backend: "\(request.backendID)", LogKey.reason: "\(reason)"])
        return ErrorReply(code: code, message: reason)
    }
}
