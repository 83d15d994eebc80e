import Glibc

/// The machine's own counters at one moment (proc(5)).
struct HostSample: Hashable {
    struct CPU: Hashable {
        /// Ticks since the machine started; only their ratio matters.
        var busy: UInt64
        var total: UInt64
    }

    struct Disk: Hashable {
        var availableBytes: UInt64
        var totalBytes: UInt64
    }

    var cpus: [CPU]
    var memoryAvailableBytes: UInt64
    var memoryTotalBytes: UInt64
    var disks: [Disk]

    /// Percentage of the time since an earlier sample that each CPU was busy; 0 if no time has passed, or the CPU is new.
    func cpuPercent(since earlier: HostSample) -> [Double] {
        self.cpus.indices.map { index in
            guard earlier.cpus.indices.contains(index) else { return 0 }
            let (now, before) = (self.cpus[index], earlier.cpus[index])
            guard now.total > before.total, now.busy >= before.busy else { return 0 }
            return min(100, 100 * Double(now.busy - before.busy) / Double(now.total - before.total))
        }
    }
}

// MARK: - Reading the kernel's texts

extension HostSample {
    /// Parses the lines `cpu0 user nice system idle iowait irq softirq steal …` of `/proc/stat`. Waiting for a disk counts as idle; the time of guests is
    /// part of user time already.
    static func cpus(inStat text: String) -> [CPU] {
        text.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            guard let name = words.first, name.hasPrefix("cpu"), name.count > 3, words.count >= 5 else { return nil }
            let ticks = words.dropFirst().prefix(8).compactMap { UInt64($0) }
            guard ticks.count >= 4 else { return nil }
            let total = ticks.reduce(0) { $0 &+ $1 }
            let idle = ticks[3] &+ (ticks.count > 4 ? ticks[4] : 0)
            return CPU(busy: total >= idle ? total - idle : 0, total: total)
        }
    }

    /// A number of `/proc/meminfo`, from a line such as `MemAvailable:  123 kB`, in bytes.
    static func memoryBytes(_ name: String, inMeminfo text: String) -> UInt64? {
        for line in text.split(separator: "\n") where line.hasPrefix("\(name):") {
            let words = line.split(separator: " ")
            guard words.count >= 2, let kilobytes = UInt64(words[1]) else { return nil }
            return kilobytes.multipliedReportingOverflow(by: 1024).partialValue
        }
        return nil
    }

    /// The mount points of block devices in `/proc/self/mounts`, one for each device.
    static func diskMounts(inMounts text: String) -> [String] {
        var seen: Set<Substring> = []
        return text.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            guard words.count >= 2, words[0].hasPrefix("/dev/"), !words[0].hasPrefix("/dev/loop"), seen.insert(words[0]).inserted else { return nil }
            return String(words[1]).replacing("\\040", with: " ")
        }
    }
}

extension HostSample {
    /// Reads the counters now; nil on a machine that does not have them where Linux does. Takes some 50 µs, since no disk is accessed.
    static func read() -> HostSample? {
        guard let stat = ProcFile.text(of: "/proc/stat"), let meminfo = ProcFile.text(of: "/proc/meminfo"),
            let total = self.memoryBytes("MemTotal", inMeminfo: meminfo), let available = self.memoryBytes("MemAvailable", inMeminfo: meminfo)
        else { return nil }
        let mounts = self.diskMounts(inMounts: ProcFile.text(of: "/proc/self/mounts") ?? "")
        return HostSample(
            cpus: self.cpus(inStat: stat), memoryAvailableBytes: available, memoryTotalBytes: total,
            disks: mounts.compactMap { self.disk(at: $0) })
    }

    /// - Returns: Nil where there is no such path.
    static func disk(at path: String) -> Disk? {
        var facts = statvfs()
        guard statvfs(path, &facts) == 0 else { return nil }
        let block = UInt64(facts.f_frsize)
        return Disk(
            availableBytes: UInt64(facts.f_bavail).multipliedReportingOverflow(by: block).partialValue,
            totalBytes: UInt64(facts.f_blocks).multipliedReportingOverflow(by: block).partialValue)
    }
}
