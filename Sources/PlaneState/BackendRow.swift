import PlaneProtocol

typealias BackendTable = SlotTable<BackendID, BackendRow>

/// What the state of the fleet keeps of one backend. It is small because there may be a million of them.
struct BackendRow: Sendable {
    var assignment: Assignment?
    /// The latest terminal state, or the latest state while there is none.
    var state: BackendState?
    /// When the state was written; meaningless without a state.
    var stateTime = StateTime(milliseconds: 0)
    /// How it is being ended, by the message that says that its end has begun; nil for not, and meaningless once it has ended.
    var ending: BackendEnding.Kind?
    /// Stream sequence of the latest terminal state; 0 for none.
    var endSequence: UInt64 = 0
    /// Stream sequences of its other messages, except for the assignment.
    var trail = MessageSequences()

    var isTerminal: Bool { self.state?.isTerminal ?? false }
    /// Whether it has neither become ready nor ended.
    var isStarting: Bool { !self.isTerminal && self.state != .ready }

    struct Assignment: Sendable {
        // Large fields come first, so that there is no padding between them.
        let bearerToken: Secret?
        /// Stream sequence of the assignment.
        let sequence: UInt64
        let drone: DroneTable.Slot
        let lock: LockTable.Slot?
        let hasHiddenToken: Bool
        /// On the heap, so that each of the many backends without a key only needs a pointer for it.
        let claim: KeyClaim?
    }

    /// What the assignment says of the backend's key, apart from its lock.
    final class KeyClaim: Sendable {
        let tag: String
        /// Nil if the scheduler that wrote it gives no tokens.
        let fencingToken: Int64?

        init?(_ assignment: BackendAssignment) {
            guard let key = assignment.key else { return nil }
            self.tag = key.tag
            self.fencingToken = assignment.fencingToken
        }
    }
}
