import PlaneProtocol
import PlaneState

/// One backend that a drone says it runs, beside what the world says of it.
enum RollCallFinding: Hashable, Sendable {
    case agrees
    case unknown(RollCall.Entry)
    /// The world has it on another drone: its agent goes by a new id, as after a change of configuration; or the drone claims what is not
    /// its own.
    case isAssigned(RollCall.Entry, to: DroneID)
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
            // Who has it is the question, not which token and lock it has. The lock's uid mattered while the lock was being taken.
            entry.bearerToken = known?.bearerToken
            entry.lockAssignment = known?.lock.map { LockAssignment(lock: $0, uid: LockUID(rawValue: 0)) }
            self = .isAssigned(entry, to: assigned)
        } else if let lock = entry.lockAssignment?.lock, case .held(let holder) = world.lock(lock, in: cluster), holder != entry.backend {
            self = .mustStop(entry.backend)
        } else {
            self = .unknown(entry)
        }
    }
}
