package import PlaneProtocol
package import PlaneState

/// Finds what has changed in the state since the last look.
package struct BackendWatch: Sendable {
    package struct Change: Hashable, Sendable {
        package var cluster: ClusterName
        package var backend: BackendView
    }

    private let selection: BackendSelection
    private var shown: [ClusterName: [BackendID: BackendView]] = [:]

    package init(_ selection: BackendSelection) { self.selection = selection }

    /// All selected backends that have changed, and those that were selected and are not any more, in the order of their ids.
    package mutating func changes(in fleet: FleetState, now: StateTime) -> [Change] {
        var changes: [Change] = []
        for cluster in fleet.clusterNames where self.selection.cluster == nil || cluster == self.selection.cluster {
            let before = self.shown[cluster, default: [:]]
            var current: [BackendID: BackendView] = [:]
            for backend in fleet.backends(in: cluster).sorted(by: { $0.id.rawValue < $1.id.rawValue }) {
                let hasEnded = backend.state?.isTerminal ?? false
                let isShown = self.selection.matches(backend, now: now) && (self.selection.showsEnded || !hasEnded)
                if isShown { current[backend.id] = backend }
                // A backend that has ended, or no longer matches the selection for another reason, has changed as well.
                if isShown || before[backend.id] != nil, before[backend.id] != backend {
                    changes.append(Change(cluster: cluster, backend: backend))
                }
            }
            self.shown[cluster] = current
        }
        return changes
    }
}
