package import PlaneProtocol
package import PlaneState

/// Which backends can be removed from the state of the fleet.
package struct CleanupPlan: Hashable, Sendable {
    package enum Reason: String, Sendable, CaseIterable {
        /// The backend ended long enough ago.
        case ended
        /// The backend never became ready, and nothing was heard of it for long enough.
        case abandoned
        /// Of the backend at most an assignment is known, and no state.
        case missingState = "missing_state"
    }

    package struct Item: Hashable, Sendable {
        package var cluster: ClusterName
        package var backend: BackendID
        package var reason: Reason
        package var state: BackendState?
        /// The sequences of its messages in the stream, in the order in which they are deleted; nil where they have to be found by subject.
        var messages: [UInt64]?
        /// Whether its token is stored apart from the state.
        var hasHiddenToken = false

        /// Every message about the backend: those below the subject, and old assignments at it (dev/docs/protocol.md, Rules for every message).
        var subjects: [String] {
            let subject = "state.cluster.\(self.cluster.subjectToken).backend.\(self.backend)"
            return [subject, subject + ".>"]
        }

        /// The subject of its token.
        var tokenSubject: String { "secret.cluster.\(self.cluster.subjectToken).backend.\(self.backend)" }
    }

    /// The backends, in the order of clusters and ids.
    package var items: [Item] = []

    /// - Parameters:
    ///   - age: the least age of the last state, both for backends that have ended and for those that never became ready.
    ///   - includeMissingState: whether to include backends without any state.
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
                        // Of a backend that has ended, schedulers notice that the message of its end is deleted. Everything else they notice only if it is
                        // purged by subject.
                        messages: reason == .ended ? fleet.messages(of: backend.id, in: cluster) : nil, hasHiddenToken: backend.hasHiddenToken))
            }
        }
    }
}
