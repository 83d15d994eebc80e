package import PlaneProtocol
package import PlaneState

/// The backends of one cluster: newest change first, those without a state last.
package struct BackendList: Hashable, Sendable {
    package var cluster: ClusterName
    package var backends: [BackendView]
    /// How many have ended and were left out.
    package var hiddenCount: Int

    package init(cluster: ClusterName, backends: [BackendView], showsEnded: Bool) {
        self.cluster = cluster
        let shown = backends.filter { showsEnded || !($0.state?.isTerminal ?? false) }
        self.hiddenCount = backends.count - shown.count
        self.backends = shown.sorted { left, right in
            (right.stateTime?.rawValue ?? .min, left.id.rawValue) < (left.stateTime?.rawValue ?? .min, right.id.rawValue)
        }
    }
}

/// Which backends are wanted; nil and none mean any.
package struct BackendSelection: Hashable, Sendable {
    package var cluster: ClusterName?
    package var drone: DroneID?
    package var states: Set<BackendState> = []
    package var lock: LockName?
    /// Time a backend has been in its state, at least.
    package var minimumAge: Duration?
    /// Whether those that have ended are wanted too. Whoever names states wants them as they are.
    package var includesEnded = false

    package init() {}

    /// Everything but whether it has ended.
    package func matches(_ backend: BackendView, now: StateTime) -> Bool {
        if let drone = self.drone, backend.drone != drone { return false }
        if let lock = self.lock, backend.lock != lock { return false }
        if !self.states.isEmpty, !(backend.state.map(self.states.contains) ?? false) { return false }
        if let age = self.minimumAge {
            guard let since = backend.stateTime, now.since(since) >= age else { return false }
        }
        return true
    }

    package var showsEnded: Bool { self.includesEnded || !self.states.isEmpty }

    /// Of each cluster, in order of their names.
    package func lists(of fleet: FleetState, now: StateTime) -> [BackendList] {
        fleet.clusterNames.filter { self.cluster == nil || $0 == self.cluster }.map { cluster in
            BackendList(
                cluster: cluster, backends: fleet.backends(in: cluster).filter { self.matches($0, now: now) }, showsEnded: self.showsEnded)
        }
    }
}
