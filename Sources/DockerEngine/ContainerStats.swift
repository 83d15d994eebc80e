/// One sample of a container's use of resources. A value that the daemon leaves out is nil: it does so for a container that is not running, and on a kernel
/// without the controller.
package struct ContainerStats: Hashable, Sendable {
    /// Memory in use, without page cache that can be dropped.
    package var memoryUsedBytes: UInt64?
    /// The container's limit, or the machine's memory if it has none.
    package var memoryLimitBytes: UInt64?
    /// Processor time used since the container started.
    package var cpuNanoseconds: UInt64?
    /// Processor time of the whole machine since it started, all processors together.
    package var systemCPUNanoseconds: UInt64?
    package var processes: UInt64?
}

extension ContainerStats: Decodable {
    private enum CodingKeys: String, CodingKey {
        case memory = "memory_stats"
        case cpu = "cpu_stats"
        case processes = "pids_stats"
    }

    private struct Memory: Decodable {
        struct Details: Decodable {
            /// In cgroup v1.
            var cache: UInt64?
            /// In cgroup v2.
            var inactive_file: UInt64?
        }

        var usage: UInt64?
        var limit: UInt64?
        var stats: Details?
    }

    private struct CPU: Decodable {
        struct Usage: Decodable {
            var total_usage: UInt64?
        }

        var cpu_usage: Usage?
        var system_cpu_usage: UInt64?
    }

    private struct Processes: Decodable {
        var current: UInt64?
    }

    package init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        let memory = try fields.decodeIfPresent(Memory.self, forKey: .memory)
        let cpu = try fields.decodeIfPresent(CPU.self, forKey: .cpu)
        let cache = memory?.stats?.cache ?? memory?.stats?.inactive_file ?? 0
        // The two numbers are not read at the same moment, so the cache may be larger.
        self.memoryUsedBytes = memory?.usage.map { $0 > cache ? $0 - cache : 0 }
        self.memoryLimitBytes = memory?.limit
        // If no process runs, the daemon sends a total of 0 and no system time.
        self.systemCPUNanoseconds = cpu?.system_cpu_usage
        self.cpuNanoseconds = cpu?.cpu_usage?.total_usage
        self.processes = try fields.decodeIfPresent(Processes.self, forKey: .processes)?.current
    }
}
