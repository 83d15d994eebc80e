package import PlaneProtocol

/// What visitors have open to the backends of one cluster, the backend with most first.
package struct ConnectionList: Hashable, Sendable {
    package struct Item: Hashable, Sendable {
        package var drone: DroneID
        package var entry: OpenConnections.Entry

        package init(drone: DroneID, entry: OpenConnections.Entry) {
            self.drone = drone
            self.entry = entry
        }

        fileprivate var total: UInt64 { UInt64(self.entry.requests) + UInt64(self.entry.webSockets) }
    }

    package var cluster: ClusterName
    package var items: [Item]
    /// Of the tier, where they were listened for.
    package var proxies: [ProxyStatusMessage]

    package var isEmpty: Bool { self.items.isEmpty && self.proxies.isEmpty }

    package init(cluster: ClusterName, proxies: [ProxyStatusMessage] = [], items: [Item]) {
        self.cluster = cluster
        self.proxies = proxies
        self.items = items.sorted {
            $0.total != $1.total ? $0.total > $1.total : $0.entry.backend.rawValue < $1.entry.backend.rawValue
        }
    }
}
