import NIOCore

/// The endpoints of drones' proxies that one event loop knows, by their addresses.
///
/// Backends come and go, and their drone's endpoint stays, with its connections. But a drone may change its address as often as it likes, so those that no
/// backend uses are forgotten when there are many.
struct EndpointTable<Endpoint> {
    private var known: [SocketAddress: Endpoint] = [:]
    private var limit = Self.smallestLimit

    private static var smallestLimit: Int { 256 }

    var count: Int { self.known.count }

    subscript(address: SocketAddress) -> Endpoint? {
        get { self.known[address] }
        set { self.known[address] = newValue }
    }

    /// Called before another endpoint is added.
    /// - Parameter inUse: the addresses of endpoints that some backend has; only asked when there are many.
    /// - Returns: the endpoints that were forgotten.
    mutating func makeRoom(inUse: () -> Set<SocketAddress>) -> [Endpoint] {
        guard self.known.count >= self.limit else { return [] }
        let used = inUse()
        let unused = self.known.filter { !used.contains($0.key) }
        for address in unused.keys { self.known[address] = nil }
        self.limit = max(Self.smallestLimit, 2 * self.known.count)
        return Array(unused.values)
    }
}
