import PlaneClient
package import PlaneProtocol

extension ConnectionList {
    func lines(_ console: Console) -> [String] {
        var table = TextTable(headings: ["BACKEND", "DRONE", "REQUESTS", "WEBSOCKETS"])
        table.elastic = [0, 1]
        table.rows = self.items.map {
            [.init($0.entry.backend.rawValue), .init($0.drone.rawValue), "\($0.entry.requests)", "\($0.entry.webSockets)"]
        }
        var lines = ["\(self.cluster)"]
        if !self.items.isEmpty { lines += table.lines(console, indent: 2).map { "  \($0)" } }
        return lines + self.tierLines(console)
    }

    private func tierLines(_ console: Console) -> [String] {
        guard !self.proxies.isEmpty else { return [] }
        var table = TextTable(headings: ["PROXY", "STATE", "OPEN", "VERSION"])
        table.elastic = [0]
        table.rows = self.proxies.map {
            [.init($0.proxy.rawValue), .init($0.isReady ? "ready" : "not ready"), "\($0.openRequests.map { "\($0)" } ?? "?")", .init($0.version)]
        }
        return table.lines(console, indent: 2).map { "  \($0)" }
    }
}

extension ConnectionList: JSONEncodable {
    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("cluster", self.cluster)
            $0.field("backends", self.items)
            $0.fieldIfPresent("proxies", self.proxies.isEmpty ? nil : self.proxies)
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
