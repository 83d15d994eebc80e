package import PlaneProtocol

/// Everything the stream `plane_state` says about the fleet, as a fold of its messages.
///
/// The stream keeps only the last message of each subject, and a process that starts today reads those survivors instead of the history
/// which others have lived through. Both must come to the same fleet. They do because nothing here depends on a message that a later
/// one on the same subject has replaced:
///
/// - a drone's and a backend's values are those of the latest message about them, by stream order and never by anybody's clock;
/// - a backend that has ended has ended, whatever comes later; one whose end has begun holds its lock until then;
/// - an assignment says where its backend runs, and stands whether or not the announcement of its lock is still there;
/// - a lock is held by the first backend, in stream order, that was assigned with it and has not ended. While there is none it is
///   announced by the author of its last announcement, if that came after every assignment, was not revoked, and is not 30 s old.
/// - names of backends were last moved by the newest message that can move any; of one that is deleted its sequence is noted in another.
///
/// The only clock is the publish time of the stream's messages. Not kept by the stream, and so not by a replay: a cluster's earlier
/// DNS challenge texts, unless the writer of the last one has repeated them.
package struct FleetState: Sendable {
    /// The stream sequence of the last message applied or skipped.
    package private(set) var sequence: UInt64 = 0
    /// Publish time of the last heartbeat, whole seconds since 1970.
    private(set) var heartbeatSeconds: Int64?
    private(set) var clusters: [ClusterName: ClusterState] = [:]

    package init() {}

    /// Applies the message with this stream sequence. One that was applied before is ignored, since streams may deliver a message twice.
    package mutating func apply(_ message: StateMessage, sequence: UInt64, published: WireTime) {
        guard sequence > self.sequence else { return }
        self.sequence = sequence
        switch message {
        case .heartbeat:
            self.heartbeatSeconds = published.seconds
        case .cluster(let cluster, let change):
            self.clusters[cluster, default: ClusterState()].apply(change, sequence: sequence, publishedSeconds: published.seconds)
        }
    }

    /// Moves past a message that could not be read, so that callers who wait for its sequence go on.
    package mutating func skip(sequence: UInt64) {
        self.sequence = max(self.sequence, sequence)
    }

    // MARK: Purged subjects

    /// Forgets a backend, all of whose messages were purged from the stream.
    package mutating func forget(_ backend: BackendID, in cluster: ClusterName) {
        self.clusters[cluster]?.forget(backend)
    }

    /// Forgets a drone, all of whose own messages were purged from the stream.
    package mutating func forget(_ drone: DroneID, in cluster: ClusterName) {
        self.clusters[cluster]?.forget(drone)
    }

    /// Forgets a lock's announcement and revocation, which were purged from the stream.
    package mutating func forget(_ lock: LockName, in cluster: ClusterName) {
        self.clusters[cluster]?.forget(lock)
    }
}

extension ClusterState {
    fileprivate mutating func apply(_ change: ClusterStateMessage, sequence: UInt64, publishedSeconds: Int64) {
        if change.mayMoveNames { self.names.changedAt = sequence }
        switch change {
        case .lock(let message): self.apply(message, sequence: sequence, publishedSeconds: publishedSeconds)
        case .drone(let message): self.apply(message)
        case .backend(let message): self.apply(message, sequence: sequence)
        case .acme(let value, let earlier): self.acme.append(value, after: earlier, sequence: sequence)
        case .names(let changedAt):
            self.names.changedAt = max(self.names.changedAt, changedAt)
            self.names.noteSequence = sequence
        }
    }
}
