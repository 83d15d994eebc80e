package import PlaneProtocol
import PlaneState
import Synchronization

extension PlaneClient {
    /// How long to wait for statuses of drones; each sends one every 4 s.
    private static let statusLimit: Duration = .seconds(5)

    /// Why no drone would take another backend once this one has ended, as far as can be known before a scheduler is asked; nil if one would, or nobody can say.
    ///
    /// Its own drone would, unless that is drained, for the end gives it a place. Of the others only they themselves know whether they are full.
    /// - Parameter drone: the one that the backend is on.
    package func obstacle(to request: ScheduleRequest, afterOneEndsOn drone: DroneID) async throws(PlaneError) -> String? {
        let (cluster, needs) = (request.cluster, PlacementNeeds(request))
        let fitting = try await self.readState().drones(in: cluster).filter { needs.admits($0.metadata?.abilities) }
        let ready = Set(fitting.filter { $0.state == .ready }.map(\.id))
        guard !ready.contains(drone) else { return nil }
        guard !ready.isEmpty else { return "\(drone) takes no backends now, nor does another drone of \(cluster) that could" }
        let silent = Mutex(ready)
        let statuses = try self.droneStatuses(in: cluster)
        let hasRoom = try? await withTimeLimit(Self.statusLimit, of: "waiting for drones") { () async throws(PlaneError) -> Bool in
            for await status in statuses where ready.contains(status.droneID) {
                if status.hasRoom { return true }
                let isLast = silent.withLock { silent in
                    silent.remove(status.droneID)
                    return silent.isEmpty
                }
                if isLast { return false }
            }
            return true
        }
        return hasRoom == false ? "\(drone) takes no backends now, and the other drones of \(cluster) that could are full" : nil
    }
}

extension DroneStatusMessage {
    fileprivate var hasRoom: Bool {
        guard self.state == .ready, let maxBackends else { return self.state == .ready }
        return (self.runningBackends ?? 0) < maxBackends
    }
}
