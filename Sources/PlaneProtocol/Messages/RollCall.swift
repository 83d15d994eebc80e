/// Asks a drone which backends it runs; sent by a scheduler that knows nothing of the drone, or counts other backends than the drone reports. An addition to
/// 0.3.24, which neither asks nor answers.
package struct RollCallRequest: Hashable, Sendable {
    package var cluster: ClusterName
    package var drone: DroneID
    /// The last backend of the previous answer, if that was not complete.
    package var after: BackendID?

    package init(cluster: ClusterName, drone: DroneID, after: BackendID? = nil) {
        self.cluster = cluster
        self.drone = drone
        self.after = after
    }
}

/// The answer to a `RollCallRequest`.
package struct RollCall: Hashable, Sendable {
    package struct Entry: Hashable, Sendable {
        package var backend: BackendID
        package var state: BackendState
        package var bearerToken: Secret?
        package var lockAssignment: LockAssignment?
        /// The key as the drone got it with the backend.
        package var key: BackendKey?
        package var fencingToken: Int64?
        package var subdomain: Subdomain?
        package var staticTokenHash: TokenHash?
        /// Set if its end has begun.
        package var ending: BackendEnding?

        /// The longest token in bytes. Our tokens have 30, like those of 0.3.24.
        package static let longestToken = 1024

        package init(
            backend: BackendID, state: BackendState, bearerToken: Secret? = nil, lockAssignment: LockAssignment? = nil, key: BackendKey? = nil,
            fencingToken: Int64? = nil, subdomain: Subdomain? = nil, staticTokenHash: TokenHash? = nil, ending: BackendEnding? = nil
        ) {
            self.backend = backend
            self.state = state
            self.bearerToken = bearerToken
            self.lockAssignment = lockAssignment
            self.key = key
            self.fencingToken = fencingToken
            self.subdomain = subdomain
            self.staticTokenHash = staticTokenHash
            self.ending = ending
        }
    }

    package var metadata: DroneMetadata
    /// The backends that have not ended, in the order of their ids.
    package var backends: [Entry]
    /// False if there are more backends, which have to be asked for with `after`.
    package var isComplete: Bool

    /// How many entries an answer has at most; an entry is some 200 bytes.
    package static let entriesAtOnce = 300
    /// An answer has fewer entries if they need more bytes than this: with a lock of nothing but control characters an entry has 12 KiB, and a NATS message
    /// at most 1 MiB.
    package static let bytesAtOnce = 512 * 1024

    package init(metadata: DroneMetadata, backends: [Entry], isComplete: Bool) {
        self.metadata = metadata
        self.backends = backends
        self.isComplete = isComplete
    }
}

extension RollCallRequest: PlaneRequest {
    package typealias Reply = RollCall

    package static let subscription = "cluster.*.drone.*.roll_call"

    package var subject: String { Self.subject(cluster: self.cluster, drone: self.drone) }

    package static func subject(cluster: ClusterName, drone: DroneID) -> String {
        "cluster.\(cluster.subjectToken).drone.\(drone).roll_call"
    }

    package init(json: JSONNode) throws(MessageError) {
        self.cluster = try json.required("cluster")
        self.drone = try json.required("drone")
        self.after = try json.optional("after")
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("cluster", self.cluster)
            $0.field("drone", self.drone)
            $0.fieldIfPresent("after", self.after)
        }
    }
}

extension RollCall: JSONCodable {
    package init(json: JSONNode) throws(MessageError) {
        self.metadata = try json.required("metadata")
        guard max(self.metadata.version.utf8.count, self.metadata.gitHash?.utf8.count ?? 0) <= DroneConnectRequest.maximumBytes else {
            throw MessageError(
                path: [.key("metadata")], expected: "version and git_hash of at most \(DroneConnectRequest.maximumBytes) bytes", found: "more")
        }
        self.backends = try json.required("backends")
        self.isComplete = try json.required("complete")
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("metadata", self.metadata)
            $0.field("backends", self.backends)
            $0.field("complete", self.isComplete)
        }
    }
}

extension RollCall.Entry: JSONCodable {
    package init(json: JSONNode) throws(MessageError) {
        self.backend = try json.required("backend")
        self.state = try json.required("state")
        self.bearerToken = try json.optional("bearer_token", atMost: Self.longestToken).map { Secret($0) }
        self.lockAssignment = try json.optional("lock_assignment")
        self.key = try json.optional("key")
        self.fencingToken = try json.optional("fencing_token")
        self.subdomain = try json.optional("subdomain")
        self.staticTokenHash = try json.optional("static_token_sha256")
        self.ending = try json.optional("ending")
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("backend", self.backend)
            $0.field("state", self.state)
            $0.fieldIfPresent("bearer_token", self.bearerToken)
            $0.fieldIfPresent("lock_assignment", self.lockAssignment)
            $0.fieldIfPresent("key", self.key)
            $0.fieldIfPresent("fencing_token", self.fencingToken)
            $0.fieldIfPresent("subdomain", self.subdomain)
            $0.fieldIfPresent("static_token_sha256", self.staticTokenHash)
            $0.fieldIfPresent("ending", self.ending)
        }
    }
}
