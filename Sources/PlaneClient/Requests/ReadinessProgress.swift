package import PlaneProtocol

/// How far a backend has come on its way to `Ready`. Takes its states, and says what is known and how the wait ends.
package struct ReadinessProgress: Sendable {
    enum Outcome: Equatable {
        case waiting
        case ready(SpawnPhases?)
        case ended(BackendStateMessage)
    }

    package let backend: BackendID
    package private(set) var state: BackendState?
    package private(set) var phases: SpawnPhases?
    /// What the drone is doing now, in the agent's words; only of interest while the backend is loading.
    package private(set) var note: String?

    package init(backend: BackendID) { self.backend = backend }

    mutating func apply(_ message: BackendStateMessage) -> Outcome {
        self.state = message.state
        self.phases = message.detail?.phases ?? self.phases
        if message.state == .ready { return .ready(self.phases) }
        return message.state.isTerminal ? .ended(message) : .waiting
    }

    mutating func apply(_ message: BackendLogMessage) {
        guard message.kind == .meta, message.backendID == self.backend else { return }
        self.note = String(message.text.prefix(Self.noteLimit).prefix { !$0.isNewline })
    }

    /// How many characters of a note are kept; a line of a terminal is not much longer.
    private static let noteLimit = 120
}
