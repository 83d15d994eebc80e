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
    }
}
