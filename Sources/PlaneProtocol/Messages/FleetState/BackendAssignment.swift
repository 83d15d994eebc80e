/// The drone of a backend, the token that its visitors need, and the lock that it holds.
package struct BackendAssignment: Hashable, Sendable {
    package var drone: DroneID
    package var bearerToken: Secret?
    package var lockAssignment: LockAssignment?
    /// Whether there is a token that is stored in the stream `plane_secrets` and not here. An addition to 0.3.24.
    package var hasHiddenToken: Bool
    /// The key to which the lock belongs. An addition to 0.3.24.
    package var key: BackendKey?
    /// Higher than the number of every earlier holder of the lock. An addition to 0.3.24.
    package var fencingToken: Int64?

    package init(
        drone: DroneID, bearerToken: Secret? = nil, lockAssignment: LockAssignment? = nil, hasHiddenToken: Bool = false,
        key: BackendKey? = nil, fencingToken: Int64? = nil
    ) {
        self.drone = drone
        self.bearerToken = bearerToken
        self.lockAssignment = lockAssignment
        self.hasHiddenToken = hasHiddenToken
        self.key = key
        self.fencingToken = fencingToken
    }
}

/// A lock, and the id of the announcement with which it was taken.
package struct LockAssignment: Hashable, Sendable {
    package var lock: LockName
    package var uid: LockUID

    package init(lock: LockName, uid: LockUID) {
        self.lock = lock
        self.uid = uid
    }
}

extension BackendAssignment: JSONCodable {
    package init(json: JSONNode) throws(MessageError) {
        self.drone = try json.required("drone")
        self.bearerToken = try json.optional("bearer_token")
        self.lockAssignment = try json.optional("lock_assignment")
        self.hasHiddenToken = try json.value("hidden_token", default: false)
        self.key = try json.optional("key")
        self.fencingToken = try json.optional("fencing_token")
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("drone", self.drone)
            $0.field("bearer_token", self.bearerToken)
            $0.field("lock_assignment", self.lockAssignment)
            $0.fieldIfPresent("hidden_token", self.hasHiddenToken ? true : nil)
            $0.fieldIfPresent("key", self.key)
            $0.fieldIfPresent("fencing_token", self.fencingToken)
        }
    }
}

extension LockAssignment: JSONCodable {
    package init(json: JSONNode) throws(MessageError) {
        self.lock = try json.required("lock")
        self.uid = try json.required("uid")
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("lock", self.lock)
            $0.field("uid", self.uid)
        }
    }
}
