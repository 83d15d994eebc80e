/// Asks which backend holds a lock, without starting one; sent by an application to the schedulers (M3).
package struct FetchBackendForLock: Hashable, Sendable {
    package var cluster: ClusterName
    package var lock: LockName

    package init(cluster: ClusterName, lock: LockName) {
        self.cluster = cluster
        self.lock = lock
    }
}

extension FetchBackendForLock: PlaneRequest {
    package typealias Reply = FetchReply

    package static let subscription = "cluster.*.fetch"

    package var subject: String { "cluster.\(self.cluster.subjectToken).fetch" }

    package init(json: JSONNode) throws(MessageError) {
        self.cluster = try json.required("cluster")
        self.lock = try json.required("lock")
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("cluster", self.cluster)
            $0.field("lock", self.lock)
        }
    }
}
