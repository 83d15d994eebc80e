/// A proxy of the tier says that it is there, every 10 s: to whoever wants to know (M17). Ours.
package struct ProxyStatusMessage: Hashable, Sendable {
    package var proxy: ProxyID
    package var cluster: ClusterName
    package var version: String
    /// Whether it knows the state and serves visitors.
    package var isReady: Bool

    package init(proxy: ProxyID, cluster: ClusterName, version: String, isReady: Bool) {
        self.proxy = proxy
        self.cluster = cluster
        self.version = version
        self.isReady = isReady
    }
}

extension ProxyStatusMessage: PlaneMessage {
    package static let subscription = "cluster.*.proxy.*.status"

    package var subject: String { "cluster.\(self.cluster.subjectToken).proxy.\(self.proxy).status" }

    package init(json: JSONNode) throws(MessageError) {
        self.proxy = try json.required("proxy")
        self.cluster = try json.required("cluster")
        self.version = try json.required("version", atMost: DroneConnectRequest.maximumBytes)
        self.isReady = try json.required("ready")
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("proxy", self.proxy)
            $0.field("cluster", self.cluster)
            $0.field("version", self.version)
            $0.field("ready", self.isReady)
        }
    }
}
