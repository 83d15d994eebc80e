#if canImport(Glibc)
import Glibc
#endif

/// This process's use of its machine, under the names that all Prometheus client libraries use.
struct ProcessSample {
    var residentBytes: Int?
    var virtualBytes: Int?
    var processorSeconds: Double?
    /// Nil if the kernel cannot tell the number without listing all of them (before Linux 6.2).
    var openDescriptors: Int?
    var descriptorLimit: Int?

    /// Takes some twenty microseconds, since no disk is accessed.
    static func read() -> ProcessSample {
        var sample = ProcessSample()
        let pages = Self.fields("/proc/self/statm").map { Int($0) }
        let pageSize = sysconf(CInt(_SC_PAGESIZE))
        if pages.count >= 2, pageSize > 0 {
            sample.virtualBytes = pages[0].map { $0 * pageSize }
            sample.residentBytes = pages[1].map { $0 * pageSize }
        }
        var usage = rusage()
        if getrusage(RUSAGE_SELF.rawValue, &usage) == 0 {
            let microseconds = Double(usage.ru_utime.tv_usec) + Double(usage.ru_stime.tv_usec)
            sample.processorSeconds = Double(usage.ru_utime.tv_sec) + Double(usage.ru_stime.tv_sec) + microseconds / 1e6
        }
        var folder = stat()
        if stat("/proc/self/fd", &folder) == 0, folder.st_size > 0 { sample.openDescriptors = Int(folder.st_size) }
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 { sample.descriptorLimit = Int(clamping: limit.rlim_cur) }
        return sample
    }

    private static func fields(_ path: String) -> [Substring] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 512)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        guard count > 0 else { return [] }
        return String(decoding: bytes[..<count], as: UTF8.self).split { $0 == " " || $0 == "\n" }
    }

    /// The values in the Prometheus text format.
    var text: String {
        var text = ""
        func add(_ name: String, _ kind: String, _ value: (some CustomStringConvertible)?) {
            if let value { text += "# HELP \(name) \(MetricCatalogue.help[name] ?? "")\n# TYPE \(name) \(kind)\n\(name) \(value)\n" }
        }
        add("process_cpu_seconds_total", "counter", self.processorSeconds)
        add("process_max_fds", "gauge", self.descriptorLimit)
        add("process_open_fds", "gauge", self.openDescriptors)
        add("process_resident_memory_bytes", "gauge", self.residentBytes)
        add("process_virtual_memory_bytes", "gauge", self.virtualBytes)
        return text
    }
}
