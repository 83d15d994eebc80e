import PlaneProtocol

typealias BackendTable = SlotTable<BackendID, BackendRecord>

/// What the fold keeps of one backend. Small on purpose: there may be a million.
struct BackendRecord: Sendable {
    var assignment: Assignment?
    /// The latest terminal state, or the latest state while there is none.
    var state: BackendState?
    /// When that was written; meaningless without a state.
    var stateTime = WorldTime(milliseconds: 0)
    /// Whether its end was said to have begun; says nothing more once it has ended.
    var isEnding = false
    /// Where the latest terminal state stands in the stream; 0 for none.
    var endSequence: UInt64 = 0
    /// Where everything else about it stands that is not its assignment.
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
