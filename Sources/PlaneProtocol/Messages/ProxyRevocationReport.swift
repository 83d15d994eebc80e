/// A proxy of the tier says what it has ended because of a revocation: to the gateway that wrote it. Ours.
package struct ProxyRevocationReport: Hashable, Sendable {
    package var proxy: ProxyID
    package var cluster: ClusterName
    /// Where the revocation stands in the stream `plane_tokens`.
    package var sequence: UInt64
    /// WebSockets and requests.
    package var ended: UInt64
    /// Which of the proxy's processes says so, as in M17. nil from former versions.
    package var process: UInt64?

    package init(proxy: ProxyID, cluster: ClusterName, sequence: UInt64, ended: UInt64, process: UInt64? = nil) {
        self.proxy = proxy
        self.cluster = cluster
        self.sequence = sequence
        self.ended = ended
        self.process = process
    }
}

extension ProxyRevocationReport: PlaneMessage {
    package static let subscription = "cluster.*.proxy.*.revoked"

    package var subject: String { "cluster.\(self.cluster.subjectToken).proxy.\(self.proxy).revoked" }

    package init(json: JSONNode) throws(MessageError) {
        self.proxy = try json.required("proxy")
        self.cluster = try json.required("cluster")
        self.sequence = try json.required("sequence")
        self.ended = try json.required("ended")
        self.process = try json.optional("process")
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("proxy", self.proxy)
            $0.field("cluster", self.cluster)
            $0.field("sequence", self.sequence)
            $0.field("ended", self.ended)
            $0.fieldIfPresent("process", self.process)
        }
    }
}
