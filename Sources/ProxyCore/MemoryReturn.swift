/// Decides when freed memory is given back to the system: after many connections have closed. The C library keeps what was freed for the next burst, which
/// may never come.
struct MemoryReturn {
    /// Fewer closed connections than this are not worth the search for free memory: a visitor that reads nothing holds up to 100 KiB.
    private static let leastFall = 64
    /// Looks after the one at which they had gone. A connection is not counted any more when its last bytes are on their way, and freed when its
    /// deadlines have been passed over and its peers have said farewell.
    private static let delay = 2

    /// The most connections since many had gone last.
    private var peak = 0
    /// Looks until it is time; 0 if nothing is due.
    private var looks = 0

    /// Looks how many there are, and says whether it is time now.
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
