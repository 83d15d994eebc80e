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

    package init(_ state: BackendState, _ cause: BackendCause?, exitCode: Int64? = nil, message: String? = nil) {
        self.state = state
        self.cause = cause
        self.exitCode = exitCode
        self.message = message
    }

    /// Whether there may be a container that has printed something.
    var mayHavePrinted: Bool { self.state != .errorLoading && self.cause != .vanished }

    /// The line added to the backend's log at its very end: the reference's wording for exit codes, the error text otherwise.
    package var note: String? {
        if let exitCode, exitCode != 0 { return "Backend exit code: \(exitCode)" }
        return self.state == .errorLoading ? self.message : nil
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
