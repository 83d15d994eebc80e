/// The use of a drone's machine, published by its agent once a second (M16). No stream keeps it.
package struct DroneStatsMessage: Hashable, Sendable {
    package var numberOfCPUs: UInt64
    /// Percentages from 0 to 100, one for each CPU.
    package var cpuUsagePercent: [Double]
    package var memoryAvailableBytes: UInt64
    package var memoryTotalBytes: UInt64
    package var numberOfDisks: UInt64
    /// One number for each disk.
    package var diskAvailableBytes: [UInt64]
    /// One number for each disk.
    package var diskTotalBytes: [UInt64]
    /// Written with `_` for `.` in the body too, as in subjects.
    package var cluster: ClusterName
    package var drone: DroneID

    package init(
        numberOfCPUs: UInt64, cpuUsagePercent: [Double], memoryAvailableBytes: UInt64, memoryTotalBytes: UInt64, numberOfDisks: UInt64,
        diskAvailableBytes: [UInt64], diskTotalBytes: [UInt64], cluster: ClusterName, drone: DroneID
    ) {
        self.numberOfCPUs = numberOfCPUs
        self.cpuUsagePercent = cpuUsagePercent
        self.memoryAvailableBytes = memoryAvailableBytes
        self.memoryTotalBytes = memoryTotalBytes
        self.numberOfDisks = numberOfDisks
        self.diskAvailableBytes = diskAvailableBytes
        self.diskTotalBytes = diskTotalBytes
        self.cluster = cluster
        self.drone = drone
    }
}

extension DroneStatsMessage: PlaneMessage {
    package static let subscription = "cluster.*.drone.*.stats"

    package var subject: String { "cluster.\(self.cluster.subjectToken).drone.\(self.drone).stats" }

    package init(json: JSONNode) throws(MessageError) {
        self.numberOfCPUs = try json.required("num_cpus")
        self.cpuUsagePercent = try json.required("cpu_usage")
        self.memoryAvailableBytes = try json.required("mem_available")
        self.memoryTotalBytes = try json.required("mem_total")
        self.numberOfDisks = try json.required("num_disks")
        self.diskAvailableBytes = try json.required("disk_available")
        self.diskTotalBytes = try json.required("disk_total")
        self.cluster = try json.required("cluster")
        self.drone = try json.required("drone")
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("num_cpus", self.numberOfCPUs)
            $0.field("cpu_usage", self.cpuUsagePercent)
            $0.field("mem_available", self.memoryAvailableBytes)
            $0.field("num_disks", self.numberOfDisks)
            $0.field("disk_available", self.diskAvailableBytes)
            $0.field("disk_total", self.diskTotalBytes)
            $0.field("mem_total", self.memoryTotalBytes)
            $0.field("cluster", self.cluster)
            $0.field("drone", self.drone)
        }
    }
}
