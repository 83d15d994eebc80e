/// Says every 10 s that a proxy of the tier is alive; published to all that listen (M17). An addition to 0.3.24.
package struct ProxyStatusMessage: Hashable, Sendable {
    package var proxy: ProxyID
    package var cluster: ClusterName
    package var version: String
    /// Whether the proxy knows the state and serves visitors.
    package var isReady: Bool
    /// Requests and WebSockets that it has open for the cluster.
    package var openRequests: UInt64?
    /// Seconds since the last message of the state that it knows; schedulers write one each second. nil before it knows any.
    package var stateAge: UInt64?
    /// Tells the processes of one proxy apart: one that was replaced goes on with what it has open, beside its successor. Below 2^53. nil from former versions.
    package var process: UInt64?
    /// True if the process ends now, and this is the last that it says; otherwise nil.
    package var hasEnded: Bool?

    package init(
        proxy: ProxyID, cluster: ClusterName, version: String, isReady: Bool, openRequests: UInt64? = nil, stateAge: UInt64? = nil,
        process: UInt64? = nil, hasEnded: Bool? = nil
    ) {
        self.proxy = proxy
        self.cluster = cluster
        self.version = version
        self.isReady = isReady
        self.openRequests = openRequests
        self.stateAge = stateAge
        self.process = process
        self.hasEnded = hasEnded
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
        self.openRequests = try json.optional("open_requests")
        self.stateAge = try json.optional("state_age_secs")
        self.process = try json.optional("process")
        self.hasEnded = try json.optional("ended")
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("proxy", self.proxy)
            $0.field("cluster", self.cluster)
            $0.field("version", self.version)
            $0.field("ready", self.isReady)
            $0.fieldIfPresent("open_requests", self.openRequests)
            $0.fieldIfPresent("state_age_secs", self.stateAge)
            $0.fieldIfPresent("process", self.process)
            $0.fieldIfPresent("ended", self.hasEnded)
        }
    }
}
