package import PlaneProtocol
package import PlaneState

/// What is new in a state since one last looked at it.
package struct BackendWatch: Sendable {
    package struct Change: Hashable, Sendable {
        package var cluster: ClusterName
        package var backend: BackendView
    }

    private let selection: BackendSelection
    private var shown: [ClusterName: [BackendID: BackendView]] = [:]

    package init(_ selection: BackendSelection) { self.selection = selection }

    /// Every backend that is selected and is not as it was, and those that were and are not any more; in order of the ids.
    package mutating func changes(in fleet: FleetState, now: StateTime) -> [Change] {
        var changes: [Change] = []
        for cluster in fleet.clusterNames where self.selection.cluster == nil || cluster == self.selection.cluster {
            let before = self.shown[cluster, default: [:]]
            var current: [BackendID: BackendView] = [:]
            for backend in fleet.backends(in: cluster).sorted(by: { $0.id.rawValue < $1.id.rawValue }) {
                let hasEnded = backend.state?.isTerminal ?? false
                let isShown = self.selection.matches(backend, now: now) && (self.selection.showsEnded || !hasEnded)
                if isShown { current[backend.id] = backend }
                // That one has ended, or left the selection in another way, is a change too.
                if isShown || before[backend.id] != nil, before[backend.id] != backend {
                    changes.append(Change(cluster: cluster, backend: backend))
                }
            }
            self.shown[cluster] = current
        }
        return changes
    }
}
