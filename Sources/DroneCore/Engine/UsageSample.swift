/// A container's counters at one moment. Counters only grow, and start again at nothing with the container.
package struct UsageSample: Hashable, Sendable {
    /// Usage minus page cache.
    package var memoryUsedBytes: UInt64
    package var memoryLimitBytes: UInt64
    /// Since the container's start.
    package var cpuNanoseconds: UInt64
    /// Of all CPUs of the machine, since its start.
    package var systemCPUNanoseconds: UInt64

    package init(memoryUsedBytes: UInt64, memoryLimitBytes: UInt64, cpuNanoseconds: UInt64, systemCPUNanoseconds: UInt64) {
        self.memoryUsedBytes = memoryUsedBytes
        self.memoryLimitBytes = memoryLimitBytes
        self.cpuNanoseconds = cpuNanoseconds
        self.systemCPUNanoseconds = systemCPUNanoseconds
    }
}
