/// Asks for a backend; sent by an application to the schedulers (M1).
package struct ScheduleRequest: Hashable, Sendable {
    package var cluster: ClusterName
    /// The scheduler chooses an id if this is nil.
    package var backendID: BackendID?
    /// The backend is ended when it had no connection for this long.
    package var maxIdle: WireSeconds
    /// For people; it has no effect. The value under `requestedByKey` becomes part of the backend's history.
    package var metadata: [String: String]
    package var executable: DockerExecutableConfig
    /// Whether the proxy asks every visitor for a token, which the reply contains.
    package var requireBearerToken: Bool
    /// If a backend holds this lock the reply names that backend, and nothing is started.
    package var lock: LockName?
    /// The key to which the lock belongs. An addition to 0.3.24, like all members below.
    package var key: BackendKey?
    /// Only drones of this pool may run the backend.
    package var pool: PoolName
    package var terms: BackendTerms
    /// Keys in the message that are unknown, for the answer; never written.
    package var ignoredKeys: [String] = []

    package init(
        cluster: ClusterName, backendID: BackendID? = nil, maxIdle: WireSeconds, metadata: [String: String] = [:],
        executable: DockerExecutableConfig, requireBearerToken: Bool = false, lock: LockName? = nil, key: BackendKey? = nil,
        pool: PoolName = .unnamed, terms: BackendTerms = BackendTerms()
    ) {
        self.cluster = cluster
        self.backendID = backendID
        self.maxIdle = maxIdle
        self.metadata = metadata
        self.executable = executable
        self.requireBearerToken = requireBearerToken
        self.lock = lock
        self.key = key
        self.pool = pool
        self.terms = terms
    }
}

extension ScheduleRequest {
    /// The metadata key with the requester's name, by their own account.
    package static let requestedByKey = "requested_by"

    /// Whether the backend needs a drone that knows the additions to 0.3.24. Others would run it without what was asked for.
    package var needsExtensions: Bool {
        self.key != nil || !self.pool.isUnnamed || self.terms.needsDrone || self.executable.needsExtensions
    }
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
        self.key = try json.optional("key")
        self.pool = try json.optional("pool") ?? .unnamed
        self.terms = try BackendTerms(in: json)
        self.ignoredKeys = try Self.ignoredKeys(in: json)
        guard self.lock?.rawValue.isEmpty != true else {
            throw MessageError(path: [.key("lock")], expected: "a name, or no such key for no lock", found: "the empty text")
        }
        guard self.key?.name.isEmpty != true else {
            throw MessageError(path: [.key("key"), .key("name")], expected: "a name, or no such key for none", found: "the empty text")
        }
        if let key = self.key, self.lock != key.lock {
            throw MessageError(path: [.key("lock")], expected: "the lock of the key, \(MessageError.excerpt(key.lock.rawValue))", found: "another one")
        }
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
            $0.fieldIfPresent("key", self.key)
            $0.fieldIfPresent("pool", self.pool.ifNamed)
            self.terms.write(to: &$0)
        }
    }
}
