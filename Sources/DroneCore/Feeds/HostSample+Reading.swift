import Glibc

extension HostSample {
    /// Reads the accounts now; nil on a machine that does not keep them where Linux does. Takes some 50 µs: no disk is asked.
    static func read() -> HostSample? {
        guard let stat = KernelFile.text(of: "/proc/stat"), let meminfo = KernelFile.text(of: "/proc/meminfo"),
            let total = self.memoryBytes("MemTotal", inMeminfo: meminfo), let available = self.memoryBytes("MemAvailable", inMeminfo: meminfo)
        else { return nil }
        let mounts = self.diskMounts(inMounts: KernelFile.text(of: "/proc/self/mounts") ?? "")
        return HostSample(
            cpus: self.cpus(inStat: stat), memoryAvailableBytes: available, memoryTotalBytes: total,
            disks: mounts.compactMap { self.disk(at: $0) })
    }

    private static func disk(at path: String) -> Disk? {
        var facts = statvfs()
        guard statvfs(path, &facts) == 0 else { return nil }
        let block = UInt64(facts.f_frsize)
        return Disk(
            availableBytes: UInt64(facts.f_bavail).multipliedReportingOverflow(by: block).partialValue,
            totalBytes: UInt64(facts.f_blocks).multipliedReportingOverflow(by: block).partialValue)
    }
}
