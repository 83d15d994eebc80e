/// Says in which cluster to ask for the holder of a key; gateways write and read it in the stream `plane_keys`. An addition to 0.3.24.
///
/// Locks belong to a cluster, but keys to all clusters. A gateway that finds no home writes one, on condition that there is none. Who holds the key is only
/// decided by the lock in that cluster.
package struct KeyHome: Hashable, Sendable {
    /// The lock of the key; its hash is in the subject. Two locks may have the same hash, so a reader compares the names.
    package var lock: LockName
    package var cluster: ClusterName
    /// When it was written, by the gateway's clock. A home that is older than a minute may be replaced if its key has no holder.
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
