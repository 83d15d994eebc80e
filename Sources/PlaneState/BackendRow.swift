import PlaneProtocol

typealias BackendTable = SlotTable<BackendID, BackendRow>

/// What the fold keeps of one backend. It is small because there may be a million of them.
struct BackendRow: Sendable {
    var assignment: Assignment?
    /// The latest terminal state, or the latest state while there is none.
    var state: BackendState?
    /// When that was written; meaningless without a state.
    var stateTime = StateTime(milliseconds: 0)
    /// Whether a message says that its end has begun; without meaning once it has ended.
    var isEnding = false
    /// Stream sequence of the latest terminal state; 0 for none.
    var endSequence: UInt64 = 0
    /// Stream sequences of its other messages, without the assignment.
    var trail = MessageTrail()

    var isTerminal: Bool { self.state?.isTerminal ?? false }

    struct Assignment: Sendable {
        // Large fields first: this way there is no padding between them.
        let bearerToken: Secret?
        /// Where the assignment stands in the stream.
        let sequence: UInt64
        let drone: DroneTable.Slot
        let lock: LockTable.Slot?
        let hasHiddenToken: Bool
        /// Shared, so that the many backends without a key pay a pointer for it.
        let claim: KeyClaim?
    }

    /// What the assignment says of the backend's key beside its lock.
    final class KeyClaim: Sendable {
        let tag: String
        /// nil from a scheduler that gives none.
        let fencingToken: Int64?

        init?(_ assignment: BackendAssignment) {
            guard let key = assignment.key else { return nil }
            self.tag = key.tag
            self.fencingToken = assignment.fencingToken
        }
    }
}
