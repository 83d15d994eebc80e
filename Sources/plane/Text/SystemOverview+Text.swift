import PlaneClient
package import PlaneProtocol

extension SystemOverview {
    func lines(_ console: Console) -> [String] {
        guard !self.clusters.isEmpty else { return ["Nothing has happened yet: no drone has registered."] }
        return self.clusters.flatMap { cluster -> [String] in
            var lines = ["\(cluster.name)"]
            let drones = DroneState.allCases.compactMap { state in
                cluster.drones[state].map { TextTable.Cell("\($0) \(state.rawValue)", state.colour) }
            }
            let backends = BackendState.allCases.compactMap { state in
                cluster.backends[state].map { TextTable.Cell("\($0) \(state.rawValue)", state.colour) }
            }
            lines += console.list("  drones    ", drones.isEmpty ? ["none"] : drones)
            lines += console.list("  backends  ", backends.isEmpty ? ["none"] : backends)
            if !cluster.silentDrones.isEmpty { lines += console.list("  silent    ", cluster.silentDrones.map { .init($0.rawValue) }) }
            return lines
        }
    }
}

extension SystemOverview: JSONEncodable {
    package func write(to json: inout JSONWriter) {
        json.object { $0.field("clusters", self.clusters) }
    }
}

extension SystemOverview.Cluster: JSONEncodable {
    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("cluster", self.name)
            $0.object("drones") { object in
                for state in DroneState.allCases { object.fieldIfPresent(state.rawValue, self.drones[state]) }
            }
            $0.object("backends") { object in
                for state in BackendState.allCases { object.fieldIfPresent(state.rawValue, self.backends[state]) }
            }
            $0.field("silent_drones", self.silentDrones)
        }
    }
}
