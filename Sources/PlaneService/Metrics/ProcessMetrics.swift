import FoundationEssentials

#if canImport(Glibc)
import Glibc
#endif

/// What Prometheus' own client libraries tell of the process they are in, under the names they use.
enum ProcessMetrics {
    /// In the text format; without what this kernel does not tell.
    static func text(help: (String) -> String) -> String {
        let values: [(name: String, kind: String, value: Double?)] = [
            ("process_cpu_seconds_total", "counter", self.processorSeconds),
            ("process_max_fds", "gauge", self.descriptorLimit),
            ("process_open_fds", "gauge", self.descriptorCount),
            ("process_resident_memory_bytes", "gauge", self.residentBytes),
            ("process_start_time_seconds", "gauge", self.startTime),
        ]
        return values.reduce(into: "") { text, metric in
            guard let value = metric.value else { return }
            text += "\(help(metric.name))# TYPE \(metric.name) \(metric.kind)\n\(metric.name) \(PrometheusRegistry.number(value))\n"
        }
    }

    private static var processorSeconds: Double? {
        var usage = rusage()
        guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return nil }
        return Self.seconds(usage.ru_utime) + Self.seconds(usage.ru_stime)
    }

    private static func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }

    private static var descriptorLimit: Double? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
        return Double(limit.rlim_cur)
    }

    private static var descriptorCount: Double? {
        // One less: the one that reads the folder.
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")).map { Double(max(0, $0.count - 1)) }
    }

    /// The second number of /proc/self/statm, in pages (proc(5)).
    private static var residentBytes: Double? {
        guard let text = Self.read("/proc/self/statm") else { return nil }
        let fields = text.split(separator: " ")
        guard fields.count > 1, let pages = Double(fields[1]) else { return nil }
        return pages * Double(sysconf(CInt(_SC_PAGESIZE)))
    }

    private static let startTime: Double? = Date().timeIntervalSince1970

    /// To be called while the process starts.
    static func rememberStart() { _ = self.startTime }

    private static func read(_ path: String) -> String? {
        guard let data = try? Data(contentsOf: URL(filePath: path)) else { return nil }
        return String(validating: data, as: UTF8.self)
    }
}
