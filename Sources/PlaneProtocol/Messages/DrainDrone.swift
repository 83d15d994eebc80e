/// Tells a drone to take no new backends, or to take them again; sent by an operator to that drone's agent (M4).
package struct DrainDrone: Hashable, Sendable {
    package var drone: DroneID
    package var cluster: ClusterName
    /// False cancels an earlier request to drain.
    package var drain: Bool

    package init(drone: DroneID, cluster: ClusterName, drain: Bool) {
        self.drone = drone
        self.cluster = cluster
        self.drain = drain
    }
}

extension DrainDrone: PlaneRequest {
    package typealias Reply = UnitReply

    package static let subscription = "cluster.*.drone.*.drain"

    package var subject: String { Self.subject(cluster: self.cluster, drone: self.drone) }

    package static func subject(cluster: ClusterName, drone: DroneID) -> String {
        "cluster.\(cluster.subjectToken).drone.\(drone).drain"
    }

    package init(json: JSONNode) throws(MessageError) {
        self.drone = try json.required("drone")
        self.cluster = try json.required("cluster")
        self.drain = try json.required("drain")
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("drone", self.drone)
            $0.field("cluster", self.cluster)
            $0.field("drain", self.drain)
        }
    }
}
