package import PlaneProtocol
package import PlaneState

/// The drones of one cluster, in order of their ids.
package struct DroneList: Hashable, Sendable {
    package var cluster: ClusterName
    package var drones: [DroneView]

    package init(cluster: ClusterName, drones: [DroneView]) {
        self.cluster = cluster
        self.drones = drones.sorted { $0.id.rawValue < $1.id.rawValue }
    }
}
