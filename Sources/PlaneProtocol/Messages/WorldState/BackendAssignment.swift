/// Which drone runs a backend, what it asks its visitors for, and the lock it holds.
package struct BackendAssignment: Hashable, Sendable {
    package var drone: DroneID
    package var bearerToken: Secret?
    package var lockAssignment: LockAssignment?

    package init(drone: DroneID, bearerToken: Secret? = nil, lockAssignment: LockAssignment? = nil) {
        self.drone = drone
        self.bearerToken = bearerToken
        self.lockAssignment = lockAssignment
    }
}

/// A lock, and the announcement by which it was taken.
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
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("drone", self.drone)
            $0.field("bearer_token", self.bearerToken)
            $0.field("lock_assignment", self.lockAssignment)
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
