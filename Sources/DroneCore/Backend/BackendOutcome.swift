import DroneStore
package import PlaneProtocol

/// How a backend ended, and what is told about it.
package struct BackendOutcome: Hashable, Sendable {
    /// A terminal one.
    package var state: BackendState
    /// Nil only for a backend that ended under another agent.
    package var cause: BackendCause?
    package var exitCode: Int64?
    /// One sentence for a person.
    package var message: String?
    /// Its process is killed at once although it could be asked to end.
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

    /// Whether something went wrong, here or in the backend: nobody wanted it to end like this.
    var isTrouble: Bool {
        switch self.state {
        case .errorLoading, .errorStarting, .timedOutBeforeReady, .failed, .lost: true
        case .loading, .starting, .ready, .exited, .swept, .terminated: false
        }
    }

    /// The line added to the backend's log at its very end: the reference's wording for exit codes, the error text otherwise.
    package var note: String? {
        if let exitCode, exitCode != 0 { return "Backend exit code: \(exitCode)" }
        return self.state == .errorLoading ? self.message : nil
    }

    /// How its process is ended where it has to be: one that never answered, or cannot be reached, has nothing to finish.
    var kind: BackendEnding.Kind {
        if self.cause == .networkLost { return .hard }
        return switch self.state {
        case .timedOutBeforeReady, .failed: .hard
        case .loading, .starting, .ready, .errorLoading, .errorStarting, .exited, .swept, .lost, .terminated: self.isHard ? .hard : .soft
        }
    }

    /// Why its process is ended, where it has to be.
    private var reason: BackendEnding.Reason {
        switch self.state {
        case .swept: .swept
        case .timedOutBeforeReady: .startupTimeout
        case .terminated: .external
        case .loading, .starting, .ready, .errorLoading, .errorStarting, .failed, .exited, .lost: .internalError
        }
    }

    /// As the table keeps it from the beginning of the end to the end.
    func record(at time: WireTime, requestedBy requester: String?) -> BackendEndingRecord {
        BackendEndingRecord(
            BackendEnding(self.kind, self.reason, at: time), to: self.state, cause: self.cause, message: self.message,
            requestedBy: self.cause == .requested ? requester : nil)
    }

    init(_ record: BackendEndingRecord) {
        self.init(record.state, record.cause, message: record.message, isHard: record.ending.kind == .hard)
    }

    /// What the report of it carries.
    ///
    /// - Parameter lastLines: What the container printed last.
    func detail(phases: SpawnPhases?, lastLines: [String] = []) -> BackendStatusDetail {
        BackendStatusDetail(
            phases: phases, cause: self.cause, exitCode: self.exitCode, wasKilledForMemory: self.cause == .outOfMemory ? true : nil,
            message: self.message, lastLines: lastLines.isEmpty ? nil : lastLines)
    }
}
