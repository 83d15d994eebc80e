/// What a container may use; nil sets no limit.
package struct ContainerLimits: Hashable, Sendable {
    /// Scheduler period in microseconds. The kernel accepts 1 000 to 1 000 000, and uses 100 000 if it is not set.
    package var cpuPeriodMicroseconds: UInt64?
    /// Processor time in each period, in percent of one processor; 200 means two processors.
    package var cpuPercent: UInt64?
    /// Processor time in seconds that each process may use in its life (`RLIMIT_CPU`); then it is killed.
    package var cpuTimeSeconds: UInt64?
    package var memoryBytes: Int64?
    /// Size of the writable layer; only some storage drivers support this.
    package var diskBytes: Int64?
    /// Number of processes and threads. Enough for a browser, and it stops a fork bomb.
    package var processes: Int64? = 4096

    package init(
        cpuPeriodMicroseconds: UInt64? = nil, cpuPercent: UInt64? = nil, cpuTimeSeconds: UInt64? = nil, memoryBytes: Int64? = nil,
        diskBytes: Int64? = nil
    ) {
        self.cpuPeriodMicroseconds = cpuPeriodMicroseconds
        self.cpuPercent = cpuPercent
        self.cpuTimeSeconds = cpuTimeSeconds
        self.memoryBytes = memoryBytes
        self.diskBytes = diskBytes
    }

    /// The kernel's period where none is given, in microseconds.
    private static let standardPeriodMicroseconds: UInt64 = 100_000

    /// Processor time per period, in microseconds. If the product overflows it is the largest number, which means no limit.
    var cpuQuotaMicroseconds: Int64? {
        guard let cpuPercent else { return nil }
        let (product, overflow) = (self.cpuPeriodMicroseconds ?? Self.standardPeriodMicroseconds)
            .multipliedReportingOverflow(by: cpuPercent)
        return overflow ? .max : Int64(clamping: product / 100)
    }
}
