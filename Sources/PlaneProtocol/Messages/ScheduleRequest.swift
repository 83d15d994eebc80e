/// Asks for a backend: from an application to the schedulers (M1).
package struct ScheduleRequest: Hashable, Sendable {
    package var cluster: ClusterName
    /// Chosen by the scheduler if nil.
    package var backendID: BackendID?
    /// The backend is stopped when it has had no connection for this long.
    package var maxIdle: WireSeconds
    /// For people; nothing acts on it. The value under `requestedByKey` becomes part of the backend's history.
    package var metadata: [String: String]
    package var executable: DockerExecutableConfig
    /// Let the proxy ask every visitor for a token which the reply carries.
    package var requireBearerToken: Bool
    /// If a backend holds this lock, the reply names that one, and nothing is started.
    package var lock: LockName?

    package init(
        cluster: ClusterName, backendID: BackendID? = nil, maxIdle: WireSeconds, metadata: [String: String] = [:],
        executable: DockerExecutableConfig, requireBearerToken: Bool = false, lock: LockName? = nil
    ) {
        self.cluster = cluster
        self.backendID = backendID
        self.maxIdle = maxIdle
        self.metadata = metadata
        self.executable = executable
        self.requireBearerToken = requireBearerToken
        self.lock = lock
    }
}

extension ScheduleRequest {
    /// Who asks, as they call themselves.
    package static let requestedByKey = "requested_by"
}

extension ScheduleRequest: PlaneRequest {
    package typealias Reply = ScheduleReply

    package static let subscription = "cluster.*.schedule"

    package var subject: String { "cluster.\(self.cluster.subjectToken).schedule" }

    package init(json: JSONNode) throws(MessageError) {
        self.cluster = try json.required("cluster")
        self.backendID = try json.optional("backend_id")
        self.maxIdle = try json.required("max_idle_secs")
        self.metadata = try json.required("metadata")
        self.executable = try json.required("executable")
        self.requireBearerToken = try json.value("require_bearer_token", default: false)
        self.lock = try json.optional("lock")
        do throws(MessageError) {
            try self.executable.checkStrings()
        } catch {
            throw error.inside(.key("executable"))
        }
        for (key, value) in self.metadata.sorted(by: { $0.key < $1.key }) where key.utf8.contains(0) || value.utf8.contains(0) {
            throw MessageError(path: [.key("metadata"), .key(key)], expected: "text without NUL", found: "a NUL")
        }
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("cluster", self.cluster)
            $0.field("backend_id", self.backendID)
            $0.field("max_idle_secs", self.maxIdle)
            $0.field("metadata", self.metadata)
            $0.field("executable", self.executable)
            $0.field("require_bearer_token", self.requireBearerToken)
            $0.field("lock", self.lock)
        }
    }
}
