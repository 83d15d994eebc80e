package import PlaneProtocol

/// When a cluster's names were last moved, for the serials of its zone.
///
/// What counts is the kind of a message and not whether it changed anything: the stream keeps only the last message of each subject, and a reader that starts
/// today cannot know what the one before it said.
struct NameChanges: Sendable {
    /// Stream sequence of the newest message that can move names of backends; 0 if there was none.
    var changedAt: UInt64 = 0
    /// Stream sequence of the note that such a message was deleted; 0 if there is none.
    var noteSequence: UInt64 = 0
}

extension ClusterStateMessage {
    /// Whether the message can change where a backend's name leads.
    var mayMoveNames: Bool {
        switch self {
        case .lock, .acme, .names: return false
        case .drone(let message):
            if case .keepAlive = message.change { return false }
            return true
        case .backend(let message):
            switch message.change {
            case .assignment: return true
            case .state(let state, at: _): return state.isTerminal
            case .ending: return false
            }
        }
    }
}

extension FleetState {
    /// Stream sequence of the newest message of the cluster that can have moved a backend's name; 0 if there was none. The same for everybody who has read the
    /// stream, whenever they began.
    package func namesChanged(in cluster: ClusterName) -> UInt64 { self.clusters[cluster]?.names.changedAt ?? 0 }

    /// Stream sequence of the cluster's last DNS challenge; 0 if there was none.
    package func challengesChanged(in cluster: ClusterName) -> UInt64 { self.clusters[cluster]?.acme.lastSequence ?? 0 }

    /// The note to write before these messages are deleted, and the sequence of the note before it; nil if none of them is the one that last moved names.
    /// - Parameter messages: their stream sequences; nil if not all are known.
    package func noteOfNames(deleting messages: [UInt64]?, in cluster: ClusterName) -> (message: StateMessage, expecting: UInt64)? {
        guard let names = self.clusters[cluster]?.names, names.changedAt > 0, messages?.contains(names.changedAt) ?? true else { return nil }
        return (.cluster(cluster, .names(changedAt: names.changedAt)), names.noteSequence)
    }
}
