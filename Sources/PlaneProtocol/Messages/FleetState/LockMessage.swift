/// A scheduler announces that it is taking a lock, or takes that back.
package struct LockMessage: Hashable, Sendable {
    package enum Kind: String, JSONText, CaseIterable, Codable {
        /// The writer is about to place a backend for the lock. The announcement lapses by itself after 30 s.
        case announce = "Announce"
        /// The writer no longer places a backend.
        case revoke = "Revoke"
    }

    package var lock: LockName
    /// The id of the attempt. The revocation and the assignment that belong to an announcement have the same id.
    package var uid: LockUID
    package var kind: Kind

    package init(lock: LockName, uid: LockUID, kind: Kind) {
        self.lock = lock
        self.uid = uid
        self.kind = kind
    }
}

extension LockMessage: JSONCodable {
    package init(json: JSONNode) throws(MessageError) {
        self.lock = try json.required("lock")
        self.uid = try json.required("uid")
        self.kind = try json.required("message")
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("lock", self.lock)
            $0.field("uid", self.uid)
            $0.field("message", self.kind)
        }
    }

    var subjectTail: String {
        switch self.kind {
        case .announce: "lock.\(self.lock.subjectHash).announce"
        case .revoke: "lock.\(self.lock.subjectHash).revoke"
        }
    }
}
