import PlaneClient
package import PlaneProtocol
import PlaneState

extension BackendList {
    func lines(now: StateTime, _ console: Console) -> [String] {
        var table = TextTable(headings: ["BACKEND", "STATE", "SINCE", "DRONE", "LOCK"])
        table.elastic = [0, 3, 4]
        for backend in self.backends {
            table.rows.append([
                .init(backend.id.hostName(in: self.cluster)),
                .init((backend.state?.rawValue ?? "unknown") + (backend.isEnding ? ", ending" : ""), backend.state?.colour),
                .init(backend.stateTime.map { max(.zero, now.since($0)).brief } ?? "-"),
                .init(backend.drone?.rawValue ?? "unknown"),
                .init(backend.lock?.printable ?? "-"),
            ])
        }
        return ["\(self.cluster)"] + table.lines(console, indent: 2).map { "  \($0)" }
    }

    var items: [BackendItem] { self.backends.map { BackendItem(cluster: self.cluster, backend: $0) } }
}

extension BackendList: JSONEncodable {
    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("cluster", self.cluster)
            $0.field("backends", self.items)
        }
    }
}

/// A backend in JSON output; unknown values are null. Its token is not shown.
struct BackendItem: JSONEncodable {
    let cluster: ClusterName
    let backend: BackendView

    func write(to json: inout JSONWriter) {
        json.object {
            $0.field("backend_id", self.backend.id)
            $0.field("host", self.backend.id.hostName(in: self.cluster))
            $0.field("state", self.backend.state)
            $0.fieldIfPresent("ending", self.backend.isEnding ? true : nil)
            $0.field("since", self.backend.stateTime.map { WireTime($0) })
            $0.field("drone", self.backend.drone)
            $0.field("lock", self.backend.lock)
            $0.fieldIfPresent("tag", self.backend.tag)
            $0.fieldIfPresent("fencing_token", self.backend.fencingToken)
        }
    }

    /// State, host name, drone and lock, separated by tabs.
    func line(_ console: Console) -> String {
        let state = self.backend.state?.rawValue ?? "unknown"
        return [
            self.backend.stateTime.map { "\($0)" } ?? "-", console.coloured(state, self.backend.state?.colour),
            self.backend.id.hostName(in: self.cluster), self.backend.drone?.rawValue ?? "unknown", self.backend.lock?.printable ?? "-",
        ].joined(separator: "\t")
    }
}
