package import DockerEngine

/// Applies this drone's limits to a request: fills in what the request leaves open, and refuses what is more than the maximum.
package struct LimitPolicy: Hashable, Sendable {
    /// The limits of one resource, in the unit that the container uses.
    package struct Bound: Hashable, Sendable {
        package var standard: Int64?
        package var most: Int64?

        package init(standard: Int64? = nil, most: Int64? = nil) {
            self.standard = standard
            self.most = most
        }

        /// What a request for `asked` gets. Without a request and a standard, that is the maximum, if there is one.
        func granted(_ asked: Int64?) -> Int64? { asked ?? self.standard ?? self.most }

        func refuses(_ asked: Int64?) -> Bool {
            guard let asked, let most else { return false }
            return asked > most || asked <= 0
        }
    }

    package var memoryBytes = Bound()
    package var cpuPercent = Bound()
    package var diskBytes = Bound()

    package init() {}

    /// Why the request cannot be met; nil if it can.
    package func refusal(of asked: ContainerLimits) -> String? {
        if self.memoryBytes.refuses(asked.memoryBytes) {
            return Self.sentence("bytes of memory", asked.memoryBytes, self.memoryBytes.most, key: "max_memory_mb")
        }
        if self.cpuPercent.refuses(asked.cpuPercent.map { Int64(clamping: $0) }) {
            return Self.sentence("percent of a processor", asked.cpuPercent.map { Int64(clamping: $0) }, self.cpuPercent.most, key: "max_cpu_percent")
        }
        if self.diskBytes.refuses(asked.diskBytes) {
            return Self.sentence("bytes of disk", asked.diskBytes, self.diskBytes.most, key: "max_disk_mb")
        }
        return nil
    }

    package func granted(_ asked: ContainerLimits) -> ContainerLimits {
        var limits = asked
        limits.memoryBytes = self.memoryBytes.granted(asked.memoryBytes)
        limits.cpuPercent = self.cpuPercent.granted(asked.cpuPercent.map { Int64(clamping: $0) }).map { UInt64(clamping: $0) }
        limits.diskBytes = self.diskBytes.granted(asked.diskBytes)
        return limits
    }

    private static func sentence(_ what: String, _ asked: Int64?, _ most: Int64?, key: String) -> String {
        "the request asks for \(asked ?? 0) \(what), and a backend gets from 1 to \(most ?? 0) on this drone (agent.docker.limits.\(key))"
    }
}
