/// What a backend used between two samples.
struct UsageDelta: Hashable {
    var memoryUsedBytes: UInt64
    var memoryLimitBytes: UInt64
    var cpuNanoseconds: UInt64
    var systemCPUNanoseconds: UInt64

    /// Nil when the counters went back: the container was started again in between.
    init?(from earlier: UsageSample, to later: UsageSample) {
        guard later.cpuNanoseconds >= earlier.cpuNanoseconds, later.systemCPUNanoseconds >= earlier.systemCPUNanoseconds else {
            return nil
        }
        self.memoryUsedBytes = later.memoryUsedBytes
        self.memoryLimitBytes = later.memoryLimitBytes
        self.cpuNanoseconds = later.cpuNanoseconds - earlier.cpuNanoseconds
        self.systemCPUNanoseconds = later.systemCPUNanoseconds - earlier.systemCPUNanoseconds
    }
}
