import NetworkAddresses
@testable import PlaneProtocol
@testable import PlaneState

/// Everything that can be asked of a world about these backends, drones and locks. Two worlds are the same if their summaries are.
struct StateSummary: Equatable {
    let backends: [BackendID: BackendView]
    let addresses: [BackendID: IPAddress]
    let drones: [DroneID: DroneView]
    let locks: [LockName: LockState]
    let announcements: [LockName: UInt64]
    /// The last one only: the stream keeps no other.
    let acme: String?

    init(_ world: FleetState, locks: [LockName]) {
        let backends = world.backends(in: cluster)
        self.backends = Dictionary(uniqueKeysWithValues: backends.map { ($0.id, $0) })
        self.addresses = Dictionary(
            uniqueKeysWithValues: backends.compactMap { view in world.address(of: view.id, in: cluster).map { (view.id, $0) } })
        self.drones = Dictionary(uniqueKeysWithValues: world.drones(in: cluster).map { ($0.id, $0) })
        self.locks = Dictionary(uniqueKeysWithValues: locks.map { ($0, world.lock($0, in: cluster)) })
        self.announcements = Dictionary(uniqueKeysWithValues: locks.map { ($0, world.announcementSequence(of: $0, in: cluster)) })
        self.acme = world.acmeValues(in: cluster).last
    }
}
