import PlaneProtocol
import PlaneState

/// What the state says of a backend that a drone says it runs.
enum InventoryFinding: Hashable, Sendable {
    case agrees
    case unknown(RollCall.Entry)
    /// The state has it on another drone. Either the agent has a new id, as after a change of its configuration, or the drone claims a backend
    /// of another one.
    case isAssigned(RollCall.Entry, to: DroneID)
    case mustStop(BackendID)

    init(_ entry: RollCall.Entry, of drone: DroneID, in cluster: ClusterName, fleet: FleetState) {
        var entry = entry
        let known = fleet.backend(entry.backend, in: cluster)
        if let state = known?.state, state.isTerminal {
            self = .mustStop(entry.backend)
        } else if let assigned = known?.drone {
            guard assigned != drone else {
                self = .agrees
                return
            }
            // Token and lock do not matter here, only which drone has the backend.
            entry.bearerToken = known?.bearerToken
            entry.lockAssignment = known?.lock.map { LockAssignment(lock: $0, uid: LockUID(rawValue: 0)) }
            entry.key = entry.key.flatMap { BackendKey(namespace: $0.namespace, name: $0.name, tag: known?.tag ?? $0.tag) }
            entry.fencingToken = known?.fencingToken
            self = .isAssigned(entry, to: assigned)
        } else if let lock = entry.lockAssignment?.lock, case .held(let holder) = fleet.lock(lock, in: cluster), holder != entry.backend {
            self = .mustStop(entry.backend)
        } else {
            self = .unknown(entry)
        }
    }
}
