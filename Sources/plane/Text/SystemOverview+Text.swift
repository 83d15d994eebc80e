import PlaneClient
package import PlaneProtocol

extension SystemOverview {
    func lines(_ console: Console) -> [String] {
        guard !self.clusters.isEmpty else { return ["Nothing has happened yet: no drone has registered."] }
        return self.clusters.flatMap { cluster -> [String] in
            var lines = ["\(cluster.name)"]
            let drones = DroneState.allCases.compactMap { state in
                cluster.drones[state].map { console.coloured("\($0) \(state.rawValue)", state.colour) }
            }
            let backends = BackendState.allCases.compactMap { state in
                cluster.backends[state].map { console.coloured("\($0) \(state.rawValue)", state.colour) }
            }
            lines.append("  drones    \(drones.isEmpty ? "none" : drones.joined(separator: ", "))")
            lines.append("  backends  \(backends.isEmpty ? "none" : backends.joined(separator: ", "))")
            if !cluster.silentDrones.isEmpty {
                lines.append("  silent    \(cluster.silentDrones.map(\.rawValue).joined(separator: ", "))")
            }
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
