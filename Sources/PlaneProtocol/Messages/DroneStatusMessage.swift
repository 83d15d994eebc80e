/// A drone's status, sent by its agent to the schedulers every 4 s (M7).
package struct DroneStatusMessage: Hashable, Sendable {
    package var droneID: DroneID
    package var cluster: ClusterName
    package var droneVersion: String
    /// Has the same meaning as `state`, for old readers.
    package var ready: Bool
    package var state: DroneState
    package var runningBackends: UInt32?
    /// How many backends the drone runs at most; nil for no limit. An addition to 0.3.24, which neither sends nor reads it.
    package var maxBackends: UInt32?
    /// Whether firewall rules cut the backends off from the drone's machine; nil without `agent.docker.isolate`. An addition to 0.3.24, for `plane doctor`.
    package var isIsolated: Bool?
    /// The drone's pool, which may be the one without a name; nil from a drone that does not know the additions to the spawn request. An addition to 0.3.24.
    package var pool: PoolName?
    /// How soon backends would be ready here; nil where that has not changed, and from a drone that does not say it. An addition to 0.3.24.
    package var starts: DroneStarts?

    package init(
        droneID: DroneID, cluster: ClusterName, droneVersion: String, state: DroneState, runningBackends: UInt32?,
        maxBackends: UInt32? = nil
    ) {
        self.droneID = droneID
        self.cluster = cluster
        self.droneVersion = droneVersion
        self.ready = state == .ready
        self.state = state
        self.runningBackends = runningBackends
        self.maxBackends = maxBackends
    }
}

extension DroneStatusMessage: PlaneMessage {
    package static let subscription = "cluster.*.drone.*.status"

    package var subject: String { "cluster.\(self.cluster.subjectToken).drone.\(self.droneID).status" }

    package init(json: JSONNode) throws(MessageError) {
        self.droneID = try json.required("drone_id")
        self.cluster = try json.required("cluster")
        self.droneVersion = try json.required("drone_version")
        self.ready = try json.value("ready", default: true)
        self.state = try json.value("state", default: .ready)
        self.runningBackends = try json.optional("running_backends")
        self.maxBackends = try json.optional("max_backends")
        self.isIsolated = try json.optional("isolated")
        self.pool = try json.optional("pool")
        // A hint: what cannot be read of it does not silence the drone.
        self.starts = (try? json.optional("starts")) ?? nil
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("drone_id", self.droneID)
            $0.field("cluster", self.cluster)
            $0.field("drone_version", self.droneVersion)
            $0.field("ready", self.ready)
            $0.field("state", self.state)
            $0.fieldIfPresent("running_backends", self.runningBackends)
            $0.fieldIfPresent("max_backends", self.maxBackends)
            $0.fieldIfPresent("isolated", self.isIsolated)
            $0.fieldIfPresent("pool", self.pool)
            $0.fieldIfPresent("starts", self.starts)
        }
    }
}
