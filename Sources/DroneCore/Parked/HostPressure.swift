/// Whether the machine's memory, or the disk that containers are on, is running short: what waits for backends gives way to those that are there.
enum HostPressure {
    /// Percent that is left below which it is, and, where it was already, above which it is not any more.
    private static let memory = (begins: UInt64(10), ends: UInt64(15))
    private static let disk = (begins: UInt64(5), ends: UInt64(8))

    /// - Parameters:
    ///   - sample: Nil where the machine keeps no accounts.
    ///   - disk: Nil where it is another machine's.
    static func isHigh(_ sample: HostSample?, disk: HostSample.Disk?, already: Bool) -> Bool {
        let memory = sample.map { self.isShort($0.memoryAvailableBytes, of: $0.memoryTotalBytes, already ? self.memory.ends : self.memory.begins) } ?? false
        return memory || disk.map { self.isShort($0.availableBytes, of: $0.totalBytes, already ? self.disk.ends : self.disk.begins) } ?? false
    }

    private static func isShort(_ available: UInt64, of total: UInt64, _ percent: UInt64) -> Bool { available < total / 100 * percent }
}
