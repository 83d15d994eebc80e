import PlaneProtocol

/// What is open to the backends of one cluster, most first.
struct ConnectionListing: JSONEncodable, Equatable {
    struct Item: JSONEncodable, Equatable {
        var drone: DroneID
        var entry: OpenConnections.Entry

        fileprivate var total: UInt64 { UInt64(self.entry.requests) + UInt64(self.entry.webSockets) }

        func write(to json: inout JSONWriter) {
            json.object {
                $0.field("backend", self.entry.backend)
                $0.field("drone", self.drone)
                $0.field("requests", self.entry.requests)
                $0.field("websockets", self.entry.webSockets)
            }
        }
    }

    var cluster: ClusterName
    var items: [Item]

    init(cluster: ClusterName, items: [Item]) {
        self.cluster = cluster
        self.items = items.sorted {
            $0.total != $1.total ? $0.total > $1.total : $0.entry.backend.rawValue < $1.entry.backend.rawValue
        }
    }

    func lines(_ console: Console) -> [String] {
        var table = TextTable(headings: ["BACKEND", "DRONE", "REQUESTS", "WEBSOCKETS"])
        table.rows = self.items.map {
            [.init($0.entry.backend.rawValue), .init($0.drone.rawValue), "\($0.entry.requests)", "\($0.entry.webSockets)"]
        }
        return ["\(self.cluster)"] + table.lines(console).map { "  \($0)" }
    }

    func write(to json: inout JSONWriter) {
        json.object {
            $0.field("cluster", self.cluster)
            $0.field("backends", self.items)
        }
    }
}
