import DroneStore
package import Logging
package import PlaneProtocol

/// Answers spawn requests (protocol.md §6.3): `true` once the backend is in the table, `false` for what this drone will not do.
///
/// `false` and not an explanation, because a scheduler of the reference can only read a boolean; the reason is in the log. A request
/// that was taken before is answered `true` again: its sender has not seen the first answer.
package struct SpawnDesk: Sendable {
    package var cluster: ClusterName
    package var drone: DroneID
    /// Live backends at most; nil for no limit.
    package var maxBackends: Int?
    package var allowsVolumeMounts: Bool
    package var condition: DroneCondition
    package var roster: BackendRoster
    package var logger: Logger

    package init(
        cluster: ClusterName, drone: DroneID, maxBackends: Int?, allowsVolumeMounts: Bool, condition: DroneCondition,
        roster: BackendRoster, logger: Logger
    ) {
        self.cluster = cluster
        self.drone = drone
        self.maxBackends = maxBackends
        self.allowsVolumeMounts = allowsVolumeMounts
        self.condition = condition
        self.roster = roster
        self.logger = logger
    }

    package func take(_ request: SpawnRequest) async -> Bool {
        guard request.cluster == self.cluster, request.droneID == self.drone else {
            return self.refuse(request, "it is for another drone")
        }
        guard request.executable.volumeMounts.isEmpty || self.allowsVolumeMounts else {
            return self.refuse(request, "agent.docker.allow_volume_mounts is off")
        }
        let isDraining = self.condition.isDraining
        do throws(StoreError) {
            switch try await self.roster.admit(request, room: isDraining ? 0 : self.maxBackends) {
            case .admitted, .repeated: return true
            case .nameTaken: return self.refuse(request, "the id belongs to another backend")
            case .noRoom: return self.refuse(request, isDraining ? "the drone is draining" : "agent.max_backends are running")
            }
        } catch {
            return self.refuse(request, "\(error)")
        }
    }

    private func refuse(_ request: SpawnRequest, _ reason: String) -> Bool {
        self.logger.notice(
            "Spawn request refused", metadata: [LogKey.backend: "\(request.backendID)", LogKey.reason: "\(reason)"])
        return false
    }
}
