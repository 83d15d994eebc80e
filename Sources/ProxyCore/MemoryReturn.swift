/// Decides when memory that was freed is given back to the system: after many connections have gone. The C library keeps what it has freed
/// for the next burst, which may never come, and a page with one living object among many dead ones cannot be told from outside.
struct MemoryReturn {
    /// Fewer connections than this have no memory worth the search for it: visitors that read nothing hold up to 100 KiB each.
    private static let leastFall = 64

    /// The most connections since it was done last.
    private var peak = 0

    /// Whether it is time for it now.
    mutating func isDue(connections: Int) -> Bool {
        self.peak = max(self.peak, connections)
        guard self.peak - connections >= Self.leastFall, connections <= self.peak / 2 else { return false }
        self.peak = connections
        return true
    }
}
