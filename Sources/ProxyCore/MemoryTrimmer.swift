/// Decides when freed memory is given back to the system: after many connections have closed. The C library keeps what was freed for the next burst, which
/// may never come.
struct MemoryTrimmer {
    /// Fewer closed connections than this are not worth the search for free memory: a visitor that reads nothing holds up to 100 KiB.
    private static let leastFall = 64
    /// How many checks later the memory is returned. A connection stops counting when its last bytes are on their way, but is only freed when its timers have
    /// run out and both sockets are closed.
    private static let delay = 2

    /// The highest number of connections since the last return of memory became due.
    private var peak = 0
    /// The number of checks until it is time; 0 if nothing is due.
    private var looks = 0

    /// One check, made at regular intervals.
    /// - Returns: whether to return memory now.
    mutating func isDue(connections: Int) -> Bool {
        self.peak = max(self.peak, connections)
        if self.peak - connections >= Self.leastFall, connections <= self.peak / 2 {
            self.peak = connections
            self.looks = Self.delay
            return false
        }
        guard self.looks > 0 else { return false }
        self.looks -= 1
        return self.looks == 0
    }
}
