import Synchronization

/// Remembers which `PRAGMA data_version` the last known routing version belongs to.
final class RoutingVersionCache: Sendable {
    private struct Entry {
        var dataVersion: Int64
        var routingVersion: Int64
    }

    private let entry = Mutex<Entry?>(nil)

    /// The routing version, if the file has not been written since it was stored.
    func version(at dataVersion: Int64) -> Int64? {
        self.entry.withLock { entry in
            guard let entry, entry.dataVersion == dataVersion else { return nil }
            return entry.routingVersion
        }
    }

    func store(_ routingVersion: Int64, at dataVersion: Int64) {
        self.entry.withLock { $0 = Entry(dataVersion: dataVersion, routingVersion: routingVersion) }
    }
}
