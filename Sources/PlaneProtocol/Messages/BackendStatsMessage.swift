/// A backend's use of resources, published by its agent about every 5 s (M11). No stream keeps it.
package struct BackendStatsMessage: Hashable, Sendable {
    package var cluster: ClusterName
    package var droneID: DroneID?
    package var backendID: BackendID
    /// Memory in use, without the page cache.
    package var memoryUsedBytes: UInt64
    /// The container's memory limit.
    package var memoryAvailableBytes: UInt64
    /// CPU time of the container since the previous sample, nanoseconds.
    package var cpuUsedNanoseconds: UInt64
    /// CPU time of the whole machine since the previous sample, nanoseconds.
    package var systemCPUNanoseconds: UInt64

    package init(
        cluster: ClusterName, droneID: DroneID?, backendID: BackendID, memoryUsedBytes: UInt64, memoryAvailableBytes: UInt64,
        cpuUsedNanoseconds: UInt64, systemCPUNanoseconds: UInt64
    ) {
        self.cluster = cluster
        self.droneID = droneID
        self.backendID = backendID
        self.memoryUsedBytes = memoryUsedBytes
        self.memoryAvailableBytes = memoryAvailableBytes
        self.cpuUsedNanoseconds = cpuUsedNanoseconds
        self.systemCPUNanoseconds = systemCPUNanoseconds
    }
}

extension BackendStatsMessage: PlaneMessage {
    package static let subscription = "cluster.*.backend.*.stats"

    package var subject: String { "cluster.\(self.cluster.subjectToken).backend.\(self.backendID).stats" }

    /// Matches the statistics of one backend, in any cluster.
    package static func subscription(backend: BackendID) -> String { "cluster.*.backend.\(backend).stats" }

    /// The same on a subject that names the drone; nil if the message does not name one. An addition to 0.3.24.
    package var ownSubject: String? {
        self.droneID.map { "cluster.\(self.cluster.subjectToken).drone.\($0).backend.\(self.backendID).stats" }
    }

    package static let ownSubscription = "cluster.*.drone.*.backend.*.stats"

    package static func ownSubscription(backend: BackendID) -> String { "cluster.*.drone.*.backend.\(backend).stats" }

    package init(json: JSONNode) throws(MessageError) {
        self.cluster = try json.required("cluster")
        self.droneID = try json.optional("drone_id")
        self.backendID = try json.required("backend_id")
        self.memoryUsedBytes = try json.required("mem_used")
        self.memoryAvailableBytes = try json.required("mem_available")
        self.cpuUsedNanoseconds = try json.required("cpu_used")
        self.systemCPUNanoseconds = try json.required("sys_cpu")
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("cluster", self.cluster)
            $0.field("drone_id", self.droneID)
            $0.field("backend_id", self.backendID)
            $0.field("mem_used", self.memoryUsedBytes)
            $0.field("mem_available", self.memoryAvailableBytes)
            $0.field("cpu_used", self.cpuUsedNanoseconds)
            $0.field("sys_cpu", self.systemCPUNanoseconds)
        }
    }
}
