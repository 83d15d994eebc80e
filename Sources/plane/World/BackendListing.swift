import PlaneProtocol
import PlaneState

/// The backends of one cluster: newest change first, those without a state last.
struct BackendListing: JSONEncodable, Equatable {
    var cluster: ClusterName
    var backends: [BackendView]
    /// How many have ended and were left out.
    var hiddenCount: Int

    init(cluster: ClusterName, backends: [BackendView], showsEnded: Bool) {
        self.cluster = cluster
        let shown = backends.filter { showsEnded || !($0.state?.isTerminal ?? false) }
        self.hiddenCount = backends.count - shown.count
        self.backends = shown.sorted { left, right in
            (right.stateTime?.rawValue ?? .min, left.id.rawValue) < (left.stateTime?.rawValue ?? .min, right.id.rawValue)
        }
    }

    func lines(now: WorldTime, _ console: Console) -> [String] {
        var table = TextTable(headings: ["BACKEND", "STATE", "SINCE", "DRONE", "LOCK"])
        for backend in self.backends {
            table.rows.append([
                .init(backend.id.hostName(in: self.cluster)),
                .init((backend.state?.rawValue ?? "unknown") + (backend.isEnding ? ", ending" : ""), backend.state?.colour),
                .init(backend.stateTime.map { max(.zero, now.since($0)).brief } ?? "-"),
                .init(backend.drone?.rawValue ?? "unknown"),
                .init(backend.lock.map { Self.printable($0) } ?? "-"),
            ])
        }
        return ["\(self.cluster)"] + table.lines(console).map { "  \($0)" }
    }

    var items: [BackendItem] { self.backends.map { BackendItem(cluster: self.cluster, backend: $0) } }

    func write(to json: inout JSONWriter) {
        json.object {
            $0.field("cluster", self.cluster)
            $0.field("backends", self.items)
        }
    }

    /// A lock may be any text: at most 40 characters of it, without control characters.
    static func printable(_ lock: LockName) -> String {
        let visible = lock.rawValue.unicodeScalars.prefix(40).map { scalar in
            scalar.properties.generalCategory == .control ? "\u{FFFD}" : Character(scalar)
        }
        return String(visible) + (lock.rawValue.unicodeScalars.count > 40 ? "…" : "")
    }
}

/// A backend in JSON output; what is not known is null. Its token is not told: nobody asked for it.
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
        }
    }
}
