import NetworkAddresses
@testable import PlaneProtocol
@testable import PlaneState

let cluster = ClusterName(rawValue: "plane.test")!
let droneA = DroneID(rawValue: "drone-a")!
let droneB = DroneID(rawValue: "drone-b")!
let one = BackendID(rawValue: "one")!
let two = BackendID(rawValue: "two")!
let lock = LockName(rawValue: "doc-42")!
let addressA = IPAddress("203.0.113.7")!

/// Messages by what they say; all in the cluster `plane.test`.
extension StateMessage {
    private static func inSample(_ change: ClusterStateMessage) -> Self { .cluster(PlaneStateTests.cluster, change) }

    static func announce(_ lock: LockName, _ uid: UInt64) -> Self {
        .inSample(.lock(LockMessage(lock: lock, uid: LockUID(rawValue: uid), kind: .announce)))
    }

    static func revoke(_ lock: LockName, _ uid: UInt64) -> Self {
        .inSample(.lock(LockMessage(lock: lock, uid: LockUID(rawValue: uid), kind: .revoke)))
    }

    /// With a key, whose lock the backend gets.
    static func assign(_ backend: BackendID, to drone: DroneID = droneA, key: BackendKey, fencing: Int64) -> Self {
        let assignment = BackendAssignment(
            drone: drone, lockAssignment: LockAssignment(lock: key.lock, uid: LockUID(rawValue: 1)), key: key, fencingToken: fencing)
        return .inSample(.backend(BackendMessage(backend: backend, change: .assignment(assignment))))
    }

    static func assign(_ backend: BackendID, to drone: DroneID = droneA, token: Secret? = nil, lock: (LockName, UInt64)? = nil) -> Self {
        let lockAssignment = lock.map { LockAssignment(lock: $0.0, uid: LockUID(rawValue: $0.1)) }
        let assignment = BackendAssignment(drone: drone, bearerToken: token, lockAssignment: lockAssignment)
        return .inSample(.backend(BackendMessage(backend: backend, change: .assignment(assignment))))
    }

    static func state(_ backend: BackendID, _ state: BackendState, at milliseconds: Int64 = 0) -> Self {
        let time = StateTime(milliseconds: milliseconds)
        return .inSample(.backend(BackendMessage(backend: backend, change: .state(state, at: time))))
    }

    static func ending(_ backend: BackendID, _ kind: BackendEnding.Kind = .soft) -> Self {
        .inSample(.backend(BackendMessage(backend: backend, change: .ending(BackendEnding(kind, .external, at: WireTime(seconds: 1))))))
    }

    static func register(_ drone: DroneID, ip: IPAddress = addressA, pool: String? = nil) -> Self {
        let abilities = DroneAbilities(pool: pool.flatMap { PoolName(rawValue: $0) })
        return .inSample(.drone(DroneMessage(drone: drone, change: .metadata(DroneMetadata(ip: ip, version: "0.4.0", abilities: abilities)))))
    }

    static func state(_ drone: DroneID, _ state: DroneState, at milliseconds: Int64 = 0) -> Self {
        .inSample(.drone(DroneMessage(drone: drone, change: .state(state, at: StateTime(milliseconds: milliseconds)))))
    }

    static func keepAlive(_ drone: DroneID, at milliseconds: Int64) -> Self {
        .inSample(.drone(DroneMessage(drone: drone, change: .keepAlive(at: StateTime(milliseconds: milliseconds)))))
    }

    static func acme(_ value: String, earlier: [String] = []) -> Self { .inSample(.acme(value, earlier: earlier)) }
}

extension LockState {
    static func announced(_ uid: UInt64) -> Self { .announced(LockUID(rawValue: uid)) }
}

/// The fleet after these messages, one a second from the first second on.
func fleet(_ messages: StateMessage...) -> FleetState {
    var stream = Stream()
    for message in messages { stream.append(message) }
    return stream.live
}
