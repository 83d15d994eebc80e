/// A backend's state in the public feed, the stream `backend_status`; published by the schedulers (M9).
package struct BackendStateMessage: Hashable, Sendable {
    package var cluster: ClusterName
    package var state: BackendState
    package var backend: BackendID
    /// When the state was reached, by the drone's clock.
    package var time: WireTime
    /// How the backend came to the state, and why. An addition to 0.3.24, which ignores it.
    package var detail: BackendStatusDetail?

    package init(cluster: ClusterName, state: BackendState, backend: BackendID, time: WireTime, detail: BackendStatusDetail? = nil) {
        self.cluster = cluster
        self.state = state
        self.backend = backend
        self.time = time
        self.detail = detail
    }

    /// The public form of a drone's report, without the drone.
    package init(_ update: UpdateBackendStateMessage) {
        self.init(cluster: update.cluster, state: update.state, backend: update.backend, time: update.time, detail: update.detail)
    }
}

extension BackendStateMessage: PlaneMessage {
    package static let subscription = "backend.*.status"

    package var subject: String { Self.subject(backend: self.backend) }

    package static func subject(backend: BackendID) -> String { "backend.\(backend).status" }

    package init(json: JSONNode) throws(MessageError) {
        self.cluster = try json.required("cluster")
        self.state = try json.required("state")
        self.backend = try json.required("backend")
        self.time = try json.required("time")
        self.detail = try json.optional("detail")
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("cluster", self.cluster)
            $0.field("state", self.state)
            $0.field("backend", self.backend)
            $0.field("time", self.time)
            $0.fieldIfPresent("detail", self.detail)
        }
    }
}
