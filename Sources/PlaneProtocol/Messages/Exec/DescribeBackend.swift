/// Asks a drone for the request with which another backend like this one can be scheduled; sent by an operator to that drone's agent, which has kept the
/// request. An addition to 0.3.24.
///
/// The answer is a schedule request without a backend id. It contains everything that the backend was given, including its environment and its registry's
/// credentials.
package struct DescribeBackend: Hashable, Sendable {
    package var cluster: ClusterName
    package var drone: DroneID
    package var backend: BackendID
    /// Who asks, by their own account, for the agent's log.
    package var requestedBy: String?

    package init(cluster: ClusterName, drone: DroneID, backend: BackendID, requestedBy: String? = nil) {
        self.cluster = cluster
        self.drone = drone
        self.backend = backend
        self.requestedBy = requestedBy
    }
}

extension DescribeBackend: PlaneRequest {
    package typealias Reply = ScheduleRequest

    package static let subscription = "cluster.*.drone.*.exec.describe"

    package var subject: String { Self.subject(cluster: self.cluster, drone: self.drone) }

    package static func subject(cluster: ClusterName, drone: DroneID) -> String { "cluster.\(cluster.subjectToken).drone.\(drone).exec.describe" }

    package init(json: JSONNode) throws(MessageError) {
        self.cluster = try json.required("cluster")
        self.drone = try json.required("drone")
        self.backend = try json.required("backend")
        self.requestedBy = try json.optional("requested_by")
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("cluster", self.cluster)
            $0.field("drone", self.drone)
            $0.field("backend", self.backend)
            $0.fieldIfPresent("requested_by", self.requestedBy)
        }
    }
}

extension SpawnRequest {
    /// The schedule request for another backend like this one.
    /// - Parameter pool: the drone's pool.
    package func asScheduleRequest(pool: PoolName) -> ScheduleRequest {
        ScheduleRequest(
            cluster: self.cluster, maxIdle: self.maxIdle, metadata: self.metadata, executable: self.executable,
            requireBearerToken: self.bearerToken != nil, lock: self.lockAssignment?.lock, key: self.key, pool: pool, terms: self.terms)
    }
}
