/// Tells one drone to run a backend; sent by a scheduler to that drone's agent (M2). Answered `true` once the drone has accepted it.
///
/// The agent also stores this document, as text, in its table of backends.
package struct SpawnRequest: Hashable, Sendable {
    package var cluster: ClusterName
    package var droneID: DroneID
    /// The backend is ended when it had no connection for this long.
    package var maxIdle: WireSeconds
    package var backendID: BackendID
    package var metadata: [String: String]
    package var executable: DockerExecutableConfig
    /// The token that the proxy asks visitors for; nil admits everybody.
    package var bearerToken: Secret?
    /// The lock that the backend holds. An addition to 0.3.24: the drone only stores it, and reports it in roll calls after the stream `plane_state` was
    /// lost.
    package var lockAssignment: LockAssignment?
    /// The key to which the lock belongs, which the drone stores for roll calls as well. An addition to 0.3.24, like all members below.
    package var key: BackendKey?
    /// Higher than the number of every earlier holder of the lock, so that a store can refuse writes of earlier holders. The container has it in its
    /// environment.
    package var fencingToken: Int64?
    package var terms: BackendTerms

    package init(
        cluster: ClusterName, droneID: DroneID, maxIdle: WireSeconds, backendID: BackendID, metadata: [String: String] = [:],
        executable: DockerExecutableConfig, bearerToken: Secret? = nil, lockAssignment: LockAssignment? = nil, key: BackendKey? = nil,
        fencingToken: Int64? = nil, terms: BackendTerms = BackendTerms()
    ) {
        self.cluster = cluster
        self.droneID = droneID
        self.maxIdle = maxIdle
        self.backendID = backendID
        self.metadata = metadata
        self.executable = executable
        self.bearerToken = bearerToken
        self.lockAssignment = lockAssignment
        self.key = key
        self.fencingToken = fencingToken
        self.terms = terms
    }
}

extension SpawnRequest: PlaneRequest {
    /// Whether the drone has accepted the backend. With `false` the agent gives the reason in a header (`ErrorReply.headerName`); an `ErrorReply` in place of
    /// `false` means the same.
    package typealias Reply = Bool

    /// The header beside `true` that says in how many milliseconds the drone expects the backend to be ready; absent where it does not know.
    package static let readyInHeader = "Plane-Ready-In-Ms"

    package static let subscription = "cluster.*.drone.*.spawn"

    package var subject: String { Self.subject(cluster: self.cluster, drone: self.droneID) }

    package static func subject(cluster: ClusterName, drone: DroneID) -> String {
        "cluster.\(cluster.subjectToken).drone.\(drone).spawn"
    }

    package init(json: JSONNode) throws(MessageError) {
        self.cluster = try json.required("cluster")
        self.droneID = try json.required("drone_id")
        self.maxIdle = try json.required("max_idle_secs")
        self.backendID = try json.required("backend_id")
        self.metadata = try json.required("metadata")
        self.executable = try json.required("executable")
        self.bearerToken = try json.optional("bearer_token")
        self.lockAssignment = try json.optional("lock_assignment")
        self.key = try json.optional("key")
        self.fencingToken = try json.optional("fencing_token")
        self.terms = try BackendTerms(in: json)
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("cluster", self.cluster)
            $0.field("drone_id", self.droneID)
            $0.field("max_idle_secs", self.maxIdle)
            $0.field("backend_id", self.backendID)
            $0.field("metadata", self.metadata)
            $0.field("executable", self.executable)
            $0.field("bearer_token", self.bearerToken)
            $0.fieldIfPresent("lock_assignment", self.lockAssignment)
            $0.fieldIfPresent("key", self.key)
            $0.fieldIfPresent("fencing_token", self.fencingToken)
            self.terms.write(to: &$0)
        }
    }
}
