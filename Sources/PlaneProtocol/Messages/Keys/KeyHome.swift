/// Says in which cluster to ask for the holder of a key: from gateways to gateways, through the stream `plane_keys`. Ours.
///
/// Locks are a cluster's, keys belong to all. Who finds no home writes one, on condition that there is none yet; who holds the key, only the
/// lock in that cluster says.
package struct KeyHome: Hashable, Sendable {
    /// Of the key; its hash is the subject. Two locks may have the same hash, so a reader compares.
    package var lock: LockName
    package var cluster: ClusterName
    /// When it was written, by the gateway's clock. One that is older than a minute and has no holder may be replaced.
    package var time: WireTime

    package static let stream = "plane_keys"

    package init(lock: LockName, cluster: ClusterName, time: WireTime) {
        self.lock = lock
        self.cluster = cluster
        self.time = time
    }
}

extension KeyHome: PlaneMessage {
    package static let subscription = "key.*"

    package var subject: String { Self.subject(of: self.lock) }

    package static func subject(of lock: LockName) -> String { "key.\(lock.subjectHash)" }

    package init(json: JSONNode) throws(MessageError) {
        self.lock = try json.required("lock")
        self.cluster = try json.required("cluster")
        self.time = try json.required("at")
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("lock", self.lock)
            $0.field("cluster", self.cluster)
            $0.field("at", self.time)
        }
    }
}
