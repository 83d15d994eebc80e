import Foundation

/// What the kernel says another process has used.
enum ProcessUsage {
    private static let ticksPerSecond = Double(sysconf(CInt(_SC_CLK_TCK)))
    private static let pageBytes = Int(sysconf(CInt(_SC_PAGESIZE)))

    /// User and system time of all its threads; nothing for a process that is gone.
    static func processorTime(of process: Int32) -> Duration {
        // "pid (name) state …", where utime and stime are the 12th and 13th field behind the name.
        let fields = self.file("stat", of: process).split(separator: ")").last?.split(separator: " ") ?? []
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else { return .zero }
        return .seconds((user + system) / self.ticksPerSecond)
    }

    static func residentBytes(of process: Int32) -> Int {
        let fields = self.file("statm", of: process).split(separator: " ")
        return fields.count > 1 ? (Int(fields[1]) ?? 0) * self.pageBytes : 0
    }

    private static func file(_ name: String, of process: Int32) -> String {
        (try? String(contentsOfFile: "/proc/\(process)/\(name)", encoding: .utf8)) ?? ""
    }
}
