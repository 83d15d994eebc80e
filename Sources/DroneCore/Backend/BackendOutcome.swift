import DroneStore
package import PlaneProtocol

/// How a backend ended, and what is reported about it.
package struct BackendOutcome: Hashable, Sendable {
    /// Always a terminal state.
    package var state: BackendState
    /// Why it ended; nil only for a backend that ended under another agent.
    package var cause: BackendCause?
    package var exitCode: Int64?
    /// The explanation for people, in one sentence.
    package var message: String?
    /// Whether its process is killed at once instead of being asked to end.
    package var isHard: Bool

    package init(_ state: BackendState, _ cause: BackendCause?, exitCode: Int64? = nil, message: String? = nil, isHard: Bool = false) {
        self.state = state
        self.cause = cause
        self.exitCode = exitCode
        self.message = message
        self.isHard = isHard
    }

    /// Whether there may be a container that has printed something.
    var mayHavePrinted: Bool { self.state != .errorLoading && self.cause != .vanished }

    /// Whether the end is a failure, of the backend or of the drone, which nobody asked for.
    var isTrouble: Bool {
        switch self.state {
        case .errorLoading, .errorStarting, .timedOutBeforeReady, .failed, .lost: true
        case .loading, .starting, .ready, .exited, .swept, .terminated: false
        }
    }

    /// The line added to the end of the backend's log: the wording of 0.3.24 for exit codes, otherwise the error text.
    package var note: String? {
        if let exitCode, exitCode != 0 { return "Backend exit code: \(exitCode)" }
        return self.state == .errorLoading ? self.message : nil
    }

    /// How its process is ended if it still runs. One that never answered, or cannot be reached, has nothing to finish, and is killed at once.
    var kind: BackendEnding.Kind {
        if self.cause == .networkLost { return .hard }
        return switch self.state {
        case .timedOutBeforeReady, .failed: .hard
        case .loading, .starting, .ready, .errorLoading, .errorStarting, .exited, .swept, .lost, .terminated: self.isHard ? .hard : .soft
        }
    }

    /// The reason for ending its process, where that still runs.
    private var reason: BackendEnding.Reason {
        switch self.state {
        case .swept: .swept
        case .timedOutBeforeReady: .startupTimeout
        case .terminated: .external
        case .loading, .starting, .ready, .errorLoading, .errorStarting, .failed, .exited, .lost: .internalError
        }
    }

    /// The record for the table, which is kept from the beginning of the end to the end.
    func record(at time: WireTime, requestedBy requester: String?) -> BackendEndingRecord {
        BackendEndingRecord(
            BackendEnding(self.kind, self.reason, at: time), to: self.state, cause: self.cause, message: self.message,
            requestedBy: self.cause == .requested ? requester : nil)
    }

    init(_ record: BackendEndingRecord) {
        self.init(record.state, record.cause, message: record.message, isHard: record.ending.kind == .hard)
    }

    /// The details for the report of the end.
    ///
    /// - Parameter lastLines: the last lines that the container printed.
    func detail(phases: SpawnPhases?, lastLines: [String] = []) -> BackendStatusDetail {
        BackendStatusDetail(
            phases: phases, cause: self.cause, exitCode: self.exitCode, wasKilledForMemory: self.cause == .outOfMemory ? true : nil,
            message: self.message, lastLines: lastLines.isEmpty ? nil : lastLines)
    }
}
