/// Reports a backend's new state; sent by its agent to the schedulers (M8), and repeated until one of them answers.
package struct UpdateBackendStateMessage: Hashable, Sendable {
    package var cluster: ClusterName
    package var state: BackendState
    package var backend: BackendID
    /// When the state was reached, by the sender's clock; repetitions have the same time.
    package var time: WireTime
    package var drone: DroneID
    /// How the backend came to the state, and why. An addition to 0.3.24, which ignores it.
    package var detail: BackendStatusDetail?

    package init(
        cluster: ClusterName, state: BackendState, backend: BackendID, time: WireTime, drone: DroneID, detail: BackendStatusDetail? = nil
    ) {
        self.cluster = cluster
        self.state = state
        self.backend = backend
        self.time = time
        self.drone = drone
        self.detail = detail
    }
}

extension UpdateBackendStateMessage: PlaneRequest {
    package typealias Reply = UnitReply

    package static let subscription = "cluster.*.backend.*.status"

    package var subject: String { "cluster.\(self.cluster.subjectToken).backend.\(self.backend).status" }

    package init(json: JSONNode) throws(MessageError) {
        self.cluster = try json.required("cluster")
        self.state = try json.required("state")
        self.backend = try json.required("backend")
        self.time = try json.required("time")
        self.drone = try json.required("drone")
        self.detail = try json.optional("detail")
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("cluster", self.cluster)
            $0.field("state", self.state)
            $0.field("backend", self.backend)
            $0.field("time", self.time)
            $0.field("drone", self.drone)
            $0.fieldIfPresent("detail", self.detail)
        }
    }
}
