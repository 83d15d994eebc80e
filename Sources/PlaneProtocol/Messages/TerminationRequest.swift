/// Asks for the end of a backend; sent to every agent of the cluster (M5). The agent that has the backend answers once it is stored that the end has begun;
/// the process may run on for `agent.stop_timeout_secs`. Our other agents do not answer; agents of 0.3.24 all answer at once.
package struct TerminationRequest: Hashable, Sendable {
    package var cluster: ClusterName
    package var backendID: BackendID
    /// Who asks, by their own account; it becomes part of the backend's history. An addition to 0.3.24.
    package var requestedBy: String?
    /// A hard end kills the process at once, even if a soft end has begun. An addition to 0.3.24, which only knows the soft end.
    package var kind: BackendEnding.Kind

    package init(cluster: ClusterName, backendID: BackendID, requestedBy: String? = nil, kind: BackendEnding.Kind = .soft) {
        self.cluster = cluster
        self.backendID = backendID
        self.requestedBy = requestedBy
        self.kind = kind
    }
}

extension TerminationRequest: PlaneRequest {
    package typealias Reply = UnitReply

    package static let subscription = "cluster.*.backend.*.terminate"

    package var subject: String { "cluster.\(self.cluster.subjectToken).backend.\(self.backendID).terminate" }

    /// Matches the requests for every backend of one cluster.
    package static func subscription(cluster: ClusterName) -> String {
        "cluster.\(cluster.subjectToken).backend.*.terminate"
    }

    package init(json: JSONNode) throws(MessageError) {
        self.cluster = try json.required("cluster_id")
        self.backendID = try json.required("backend_id")
        self.requestedBy = try json.optional("requested_by")
        self.kind = try json.optional("kind") ?? .soft
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("cluster_id", self.cluster)
            $0.field("backend_id", self.backendID)
            $0.fieldIfPresent("requested_by", self.requestedBy)
            $0.fieldIfPresent("kind", self.kind == .hard ? self.kind : nil)
        }
    }
}
