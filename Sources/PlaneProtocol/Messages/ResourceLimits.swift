/// Limits of a container. A limit that is nil does not apply.
package struct ResourceLimits: Hashable, Sendable {
    package var cpuPeriodMicroseconds: UInt64?
    /// In percent of the period of one CPU.
    package var cpuPeriodPercent: UInt8?
    /// In CPU time, not time of day.
    package var cpuTimeLimitSeconds: UInt64?
    package var memoryLimitBytes: Int64?
    package var diskLimitBytes: Int64?

    package init(
        cpuPeriodMicroseconds: UInt64? = nil, cpuPeriodPercent: UInt8? = nil, cpuTimeLimitSeconds: UInt64? = nil,
        memoryLimitBytes: Int64? = nil, diskLimitBytes: Int64? = nil
    ) {
        self.cpuPeriodMicroseconds = cpuPeriodMicroseconds
        self.cpuPeriodPercent = cpuPeriodPercent
        self.cpuTimeLimitSeconds = cpuTimeLimitSeconds
        self.memoryLimitBytes = memoryLimitBytes
        self.diskLimitBytes = diskLimitBytes
    }
}

extension ResourceLimits: JSONCodable {
    /// All keys.
    package static let keys: Set<String> = ["cpu_period", "cpu_period_percent", "cpu_time_limit", "memory_limit_bytes", "disk_limit_bytes"]

    package init(json: JSONNode) throws(MessageError) {
        self.cpuPeriodMicroseconds = try json.optional("cpu_period")
        self.cpuPeriodPercent = try json.optional("cpu_period_percent")
        self.cpuTimeLimitSeconds = try json.optional("cpu_time_limit")
        self.memoryLimitBytes = try json.optional("memory_limit_bytes")
        self.diskLimitBytes = try json.optional("disk_limit_bytes")
    }

    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("cpu_period", self.cpuPeriodMicroseconds)
            $0.field("cpu_period_percent", self.cpuPeriodPercent)
            $0.field("cpu_time_limit", self.cpuTimeLimitSeconds)
            $0.field("memory_limit_bytes", self.memoryLimitBytes)
            $0.field("disk_limit_bytes", self.diskLimitBytes)
        }
    }
}
