import PlaneClient
import PlaneProtocol
import PlaneState

/// The whole state as one JSON document. Tokens are left out, because dumps are passed on to others.
struct StateDump: JSONEncodable {
    let fleet: FleetState

    func write(to json: inout JSONWriter) {
        json.object {
            $0.field("sequence", self.fleet.sequence)
            $0.field("clusters", self.fleet.clusterNames.map { ClusterDump(fleet: self.fleet, name: $0) })
        }
    }
}

private struct ClusterDump: JSONEncodable {
    let fleet: FleetState
    let name: ClusterName

    func write(to json: inout JSONWriter) {
        let locks = self.fleet.locks(in: self.name).sorted { $0.name.rawValue < $1.name.rawValue }
        json.object {
            $0.field("cluster", self.name)
            $0.field("drones", DroneList(cluster: self.name, drones: self.fleet.drones(in: self.name)).items)
            $0.field(
                "backends",
                BackendList(cluster: self.name, backends: self.fleet.backends(in: self.name), showsEnded: true).items)
            $0.field("locks", locks.map { LockItem(name: $0.name, state: $0.state) })
            $0.field("acme_values", self.fleet.acmeValues(in: self.name))
        }
    }
}

private struct LockItem: JSONEncodable {
    let name: LockName
    let state: LockState

    func write(to json: inout JSONWriter) {
        json.object {
            $0.field("lock", self.name)
            switch self.state {
            case .free: $0.field("state", "free")
            case .announced(let uid):
                $0.field("state", "announced")
                $0.field("uid", uid)
            case .held(let backend):
                $0.field("state", "held")
                $0.field("backend_id", backend)
            }
        }
    }
}
