import NetworkAddresses
@testable import PlaneProtocol
@testable import PlaneState

/// Everything that can be asked of a fleet about these backends, drones and locks. Two fleets are the same if their summaries are.
struct StateSummary: Equatable {
    let backends: [BackendID: BackendView]
    let addresses: [BackendID: IPAddress]
    let drones: [DroneID: DroneView]
    let locks: [LockName: LockState]
    let announcements: [LockName: UInt64]
    /// The last one only: the stream keeps no other.
    let acme: String?
    let namesChanged: UInt64

    init(_ fleet: FleetState, locks: [LockName]) {
        let backends = fleet.backends(in: cluster)
        self.backends = Dictionary(uniqueKeysWithValues: backends.map { ($0.id, $0) })
        self.addresses = Dictionary(
            uniqueKeysWithValues: backends.compactMap { view in fleet.address(of: view.id, in: cluster).map { (view.id, $0) } })
        self.drones = Dictionary(uniqueKeysWithValues: fleet.drones(in: cluster).map { ($0.id, $0) })
        self.locks = Dictionary(uniqueKeysWithValues: locks.map { ($0, fleet.lock($0, in: cluster)) })
        self.announcements = Dictionary(uniqueKeysWithValues: locks.map { ($0, fleet.announcementSequence(of: $0, in: cluster)) })
        self.acme = fleet.acmeValues(in: cluster).last
        self.namesChanged = fleet.namesChanged(in: cluster)
    }
}
