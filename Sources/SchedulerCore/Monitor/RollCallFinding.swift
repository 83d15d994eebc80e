import PlaneProtocol
import PlaneState

/// One backend that a drone says it runs, beside what the world says of it.
enum RollCallFinding: Hashable, Sendable {
    case agrees
    case unknown(RollCall.Entry)
    /// The world has it on another drone: its agent goes by a new id, as after a change of configuration.
    case hasMoved(RollCall.Entry)
    case mustStop(BackendID)

    init(_ entry: RollCall.Entry, of drone: DroneID, in cluster: ClusterName, world: WorldState) {
        var entry = entry
        let known = world.backend(entry.backend, in: cluster)
        if let state = known?.state, state.isTerminal {
            self = .mustStop(entry.backend)
        } else if let assigned = known?.drone {
            guard assigned != drone else {
                self = .agrees
                return
            }
            // Agents older than the field do not know their locks. The uid mattered while the lock was being taken.
            entry.lockAssignment = entry.lockAssignment ?? known?.lock.map { LockAssignment(lock: $0, uid: LockUID(rawValue: 0)) }
            self = .hasMoved(entry)
        } else if let lock = entry.lockAssignment?.lock, case .held(let holder) = world.lock(lock, in: cluster), holder != entry.backend {
            self = .mustStop(entry.backend)
        } else {
            self = .unknown(entry)
        }
    }
}
