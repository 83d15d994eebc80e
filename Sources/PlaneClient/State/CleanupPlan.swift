package import PlaneProtocol
package import PlaneState

/// Which backends the shared state may forget.
package struct CleanupPlan: Hashable, Sendable {
    package enum Reason: String, Sendable, CaseIterable {
        /// It has ended long enough ago.
        case ended
        /// It never got further than being started, and nothing was heard of it for long enough.
        case abandoned
        /// Only an assignment or nothing at all is known of it.
        case missingState = "missing_state"
    }

    package struct Item: Hashable, Sendable {
        package var cluster: ClusterName
        package var backend: BackendID
        package var reason: Reason
        package var state: BackendState?
        /// Where its messages stand in the stream, in the order in which they go; nil where they have to be found by their subjects.
        var messages: [UInt64]?
        /// Whether its token is kept apart from the state.
        var hasHiddenToken = false

        /// Every message about the backend: those below the subject, and old assignments at it (dev/docs/protocol.md, Rules for every message).
        var subjects: [String] {
            let subject = "state.cluster.\(self.cluster.subjectToken).backend.\(self.backend)"
            return [subject, subject + ".>"]
        }

        /// Where its token is kept.
        var tokenSubject: String { "secret.cluster.\(self.cluster.subjectToken).backend.\(self.backend)" }
    }

    /// In order of clusters and ids.
    package var items: [Item] = []

    /// - Parameters:
    ///   - age: of the last state, for backends that have ended and for those that never came to life.
    ///   - includeMissingState: those without any state too.
    package init(fleet: FleetState, cluster only: ClusterName?, olderThan age: Duration, includeMissingState: Bool, now: StateTime) {
        for cluster in fleet.clusterNames where only == nil || cluster == only {
            for backend in fleet.backends(in: cluster).sorted(by: { $0.id.rawValue < $1.id.rawValue }) {
                let isOld = backend.stateTime.map { now.since($0) > age } ?? false
                let reason: Reason? =
                    switch backend.state {
                    case nil: includeMissingState ? .missingState : nil
                    case .ready?: nil
                    case .loading?, .starting?: isOld ? .abandoned : nil
                    case .errorLoading?, .errorStarting?, .timedOutBeforeReady?, .failed?, .exited?, .swept?, .lost?, .terminated?:
                        isOld ? .ended : nil
                    }
                guard let reason else { continue }
                self.items.append(
                    Item(
                        cluster: cluster, backend: backend.id, reason: reason, state: backend.state,
                        // Schedulers are told of a purge, and learn from a message's deletion only that an end is gone.
                        messages: reason == .ended ? fleet.messages(of: backend.id, in: cluster) : nil, hasHiddenToken: backend.hasHiddenToken))
            }
        }
    }
}
