import PlaneProtocol
import PlaneState

/// What is new in a world since one last looked at it.
struct BackendWatch {
    let filter: BackendFilter
    private var shown: [ClusterName: [BackendID: BackendView]] = [:]

    init(filter: BackendFilter) { self.filter = filter }

    /// Every backend that matches and is not as it was, and those that were shown and do not match any more; in order of the ids.
    mutating func changes(in world: WorldState, now: WorldTime) -> [BackendItem] {
        var changes: [BackendItem] = []
        for cluster in world.clusterNames where self.filter.cluster == nil || cluster == self.filter.cluster {
            let before = self.shown[cluster, default: [:]]
            var current: [BackendID: BackendView] = [:]
            for backend in world.backends(in: cluster).sorted(by: { $0.id.rawValue < $1.id.rawValue }) {
                let hasEnded = backend.state?.isTerminal ?? false
                let isShown = self.filter.matches(backend, now: now) && (self.filter.showsEnded || !hasEnded)
                if isShown { current[backend.id] = backend }
                // That one has ended, or left the filter in another way, is a change too.
                if isShown || before[backend.id] != nil, before[backend.id] != backend {
                    changes.append(BackendItem(cluster: cluster, backend: backend))
                }
            }
            self.shown[cluster] = current
        }
        return changes
    }
}

extension BackendItem {
    /// State, host name, drone and lock, divided by tabs.
    func line(_ console: Console) -> String {
        let state = self.backend.state?.rawValue ?? "unknown"
        return [
            self.backend.stateTime.map { "\($0)" } ?? "-", console.coloured(state, self.backend.state?.colour),
            self.backend.id.hostName(in: self.cluster), self.backend.drone?.rawValue ?? "unknown",
            self.backend.lock.map { BackendListing.printable($0) } ?? "-",
        ].joined(separator: "\t")
    }
}
