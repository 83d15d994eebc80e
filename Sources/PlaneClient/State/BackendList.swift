package import PlaneProtocol
package import PlaneState

/// The backends of one cluster: newest change first, those without a state last.
package struct BackendList: Hashable, Sendable {
    package var cluster: ClusterName
    package var backends: [BackendView]
    /// How many backends have ended and were left out.
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

/// Which backends are selected; nil and an empty list select all.
package struct BackendSelection: Hashable, Sendable {
    package var cluster: ClusterName?
    package var drone: DroneID?
    package var states: Set<BackendState> = []
    package var lock: LockName?
    /// The shortest time that a backend has been in its state.
    package var minimumAge: Duration?
    /// Whether ended backends are selected, too. If states are named, those decide.
    package var includesEnded = false

    package init() {}

    /// Whether the backend meets all conditions but the one about having ended.
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

    /// One list for each cluster, in the order of their names.
    package func lists(of fleet: FleetState, now: StateTime) -> [BackendList] {
        fleet.clusterNames.filter { self.cluster == nil || $0 == self.cluster }.map { cluster in
            BackendList(
                cluster: cluster, backends: fleet.backends(in: cluster).filter { self.matches($0, now: now) }, showsEnded: self.showsEnded)
        }
    }
}
