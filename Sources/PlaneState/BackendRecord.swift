import PlaneProtocol

typealias BackendTable = SlotTable<BackendID, BackendRecord>

/// What the fold keeps of one backend. Small on purpose: there may be a million.
struct BackendRecord: Sendable {
    var assignment: Assignment?
    /// The latest terminal state, or the latest state while there is none.
    var state: BackendState?
    /// When that was written; meaningless without a state.
    var stateTime = WorldTime(milliseconds: 0)

    var isTerminal: Bool { self.state?.isTerminal ?? false }

    struct Assignment: Sendable {
        let drone: DroneTable.Slot
        let bearerToken: Secret?
        let lock: LockTable.Slot?
        /// Where the assignment stands in the stream.
        let sequence: UInt64
    }
}
