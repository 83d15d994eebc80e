import Synchronization

/// Where the kernel counts one container's use of processor and memory (cgroups(7)), version 1 or 2.
///
/// The agent reads it there instead of asking Docker, for which each answer is work.
struct ControlGroup: Hashable, Sendable {
    enum Layout: Hashable, Sendable {
        /// Version 1: one directory for each controller.
        case separate(memory: String, cpu: String)
        case unified(String)
    }

    let layout: Layout

    /// - Parameter memberships: the contents of `/proc/<pid>/cgroup` for a process of the container.
    /// - Parameter container: the container's full id. A group without it in its name is that of another process: the pid came from a daemon that may run on
    ///   another machine, or has been given to another process since.
    init?(memberships: String, container: String, root: String = "/sys/fs/cgroup") {
        var paths: [Substring: Substring] = [:]
        for line in memberships.split(separator: "\n") {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3, fields[2].contains(container) else { continue }
            for controller in fields[1].split(separator: ",", omittingEmptySubsequences: false) { paths[controller] = fields[2] }
        }
        if let memory = paths["memory"], let cpu = paths["cpuacct"] {
            self.layout = .separate(memory: "\(root)/memory\(memory)", cpu: "\(root)/cpuacct\(cpu)")
        } else if let unified = paths[""] {
            self.layout = .unified("\(root)\(unified)")
        } else {
            return nil
        }
    }

    /// Nil when the container has ended, or the kernel does not count one of these.
    ///
    /// - Parameter read: returns a file's text.
    func usage(read: (String) -> String? = ProcFile.text) -> UsageSample? {
        guard let stat = read("/proc/stat"), let system = Self.systemNanoseconds(inStat: stat),
            let machine = read("/proc/meminfo").flatMap({ HostSample.memoryBytes("MemTotal", inMeminfo: $0) })
        else { return nil }
        let used, cache, cpu: UInt64?
        var limit: UInt64?
        switch self.layout {
        case .separate(let memory, let processor):
            used = read("\(memory)/memory.usage_in_bytes").flatMap(Self.number)
            cache = read("\(memory)/memory.stat").flatMap { Self.field("cache", in: $0) }
            limit = read("\(memory)/memory.limit_in_bytes").flatMap(Self.number)
            cpu = read("\(processor)/cpuacct.usage").flatMap(Self.number)
        case .unified(let directory):
            used = read("\(directory)/memory.current").flatMap(Self.number)
            cache = read("\(directory)/memory.stat").flatMap { Self.field("inactive_file", in: $0) }
            limit = read("\(directory)/memory.max").flatMap(Self.number)  // the word "max" is none
            cpu = read("\(directory)/cpu.stat").flatMap { Self.field("usage_usec", in: $0) }?.multipliedReportingOverflow(by: 1000).partialValue
        }
        guard let used, let cpu else { return nil }
        let dropped = min(cache ?? 0, used)  // not read at one moment
        return UsageSample(
            memoryUsedBytes: used - dropped, memoryLimitBytes: min(limit ?? machine, machine), cpuNanoseconds: cpu,
            systemCPUNanoseconds: system)
    }

    /// The file that makes the kernel reclaim memory of the group, and what to write to it: version 2 takes a number of bytes (`memory.reclaim`, since Linux
    /// 5.19), version 1 takes anything (`memory.force_empty`).
    ///
    /// - Parameter limit: in bytes; version 1 knows none.
    /// - Returns: `rest` are the bytes that are left for further calls.
    func reclaim(atMost limit: UInt64 = .max, read: (String) -> String? = ProcFile.text) -> (path: String, text: String, rest: UInt64)? {
        switch self.layout {
        case .separate(let memory, _): return ("\(memory)/memory.force_empty", "0", 0)
        case .unified(let directory):
            guard let used = read("\(directory)/memory.current").flatMap(Self.number) else { return nil }
            return ("\(directory)/memory.reclaim", "\(min(used, limit))", used - min(used, limit))
        }
    }

    private static func number(_ text: String) -> UInt64? { text.split(whereSeparator: \.isWhitespace).first.flatMap { UInt64($0) } }

    private static func field(_ name: String, in text: String) -> UInt64? {
        for line in text.split(separator: "\n") where line.hasPrefix("\(name) ") { return Self.number(String(line.dropFirst(name.count + 1))) }
        return nil
    }

    /// From the first line of `/proc/stat`: the time of all processors since the machine's start, idle time included, counted there in ticks of 10 ms
    /// (USER_HZ).
    private static func systemNanoseconds(inStat text: String) -> UInt64? {
        guard let line = text.split(separator: "\n").first, line.hasPrefix("cpu ") else { return nil }
        let ticks = line.split(separator: " ").dropFirst().prefix(7).compactMap { UInt64($0) }
        guard ticks.count >= 4 else { return nil }
        return ticks.reduce(0) { $0 &+ $1 }.multipliedReportingOverflow(by: 10_000_000).partialValue
    }
}

/// The control groups of the containers, by the engine's id of the container. Each is found once.
final class ControlGroupCache: Sendable {
    private let known = Mutex<[String: ControlGroup]>([:])

    subscript(_ container: String) -> ControlGroup? {
        get { self.known.withLock { $0[container] } }
        set { self.known.withLock { $0[container] = newValue } }
    }
}
