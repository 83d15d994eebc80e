import PlaneClient
package import PlaneProtocol

extension ConnectionList {
    func lines(_ console: Console) -> [String] {
        var table = TextTable(headings: ["BACKEND", "DRONE", "REQUESTS", "WEBSOCKETS"])
        table.elastic = [0, 1]
        table.rows = self.items.map {
            [.init($0.entry.backend.rawValue), .init($0.drone.rawValue), "\($0.entry.requests)", "\($0.entry.webSockets)"]
        }
        return ["\(self.cluster)"] + table.lines(console, indent: 2).map { "  \($0)" }
    }
}

extension ConnectionList: JSONEncodable {
    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("cluster", self.cluster)
            $0.field("backends", self.items)
        }
    }
}

extension ConnectionList.Item: JSONEncodable {
    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("backend_id", self.entry.backend)
            $0.field("drone", self.drone)
            $0.field("requests", self.entry.requests)
            $0.field("websockets", self.entry.webSockets)
            $0.field("backend", self.entry.backend)
        }
    }
}
