/// What a container may use. nil is no limit of ours.
package struct ContainerLimits: Hashable, Sendable {
    /// Scheduler period in microseconds. The kernel takes 1 000 to 1 000 000, and 100 000 when it is not set.
    package var cpuPeriodMicroseconds: UInt64?
    /// Share of each period in percent of one processor; 200 is two processors.
    package var cpuPercent: UInt64?
    /// Processor time each process may use up in its life, in seconds (`RLIMIT_CPU`); it is killed then.
    package var cpuTimeSeconds: UInt64?
    package var memoryBytes: Int64?
    /// Size of the writable layer; only some storage drivers can.
    package var diskBytes: Int64?
    /// Processes and threads. Ample for a browser in a container, and the end of a fork bomb.
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

    /// Processor time per period, in microseconds. A product beyond all bounds is the largest number: no limit.
    var cpuQuotaMicroseconds: Int64? {
        guard let cpuPercent else { return nil }
        let (product, overflow) = (self.cpuPeriodMicroseconds ?? Self.standardPeriodMicroseconds)
            .multipliedReportingOverflow(by: cpuPercent)
        return overflow ? .max : Int64(clamping: product / 100)
    }
}
