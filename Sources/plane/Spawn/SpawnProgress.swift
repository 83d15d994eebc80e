import PlaneProtocol

/// Follows one backend on its way to `Ready`: states in, what to show and how it ends out.
struct SpawnProgress {
    enum Outcome: Equatable {
        case waiting
        case ready(SpawnPhases?)
        case ended(CommandFailure)
    }

    let backend: BackendID
    private(set) var state: BackendState?
    private(set) var phases: SpawnPhases?
    /// What the drone does at the moment, in its own words; of interest only while the backend is loading.
    private(set) var note: String?

    init(backend: BackendID) { self.backend = backend }

    mutating func apply(_ message: BackendStateMessage) -> Outcome {
        self.state = message.state
        self.phases = message.detail?.phases ?? self.phases
        if message.state == .ready { return .ready(self.phases) }
        guard message.state.isTerminal else { return .waiting }
        return .ended(self.failure(message))
    }

    mutating func apply(_ message: BackendLogMessage) {
        guard message.kind == .meta, message.backendID == self.backend else { return }
        self.note = String(message.text.prefix(Self.noteLimit).prefix { !$0.isNewline })
    }

    /// As much of a note as is shown; a terminal's line is not much longer.
    private static let noteLimit = 120

    /// The live line: `Starting  1.2 s  (accepted 2 ms · created 6 ms)`.
    func line(elapsed: Duration) -> String {
        if self.state == nil || self.state == .loading, let note { return "\(self.state?.rawValue ?? "Scheduled")  \(elapsed.brief)  \(note)" }
        let phases = self.phases.map(\.brief) ?? ""
        return "\(self.state?.rawValue ?? "Scheduled")  \(elapsed.brief)" + (phases.isEmpty ? "" : "  (\(phases))")
    }

    private func failure(_ message: BackendStateMessage) -> CommandFailure {
        var sentence = "The backend ended before it was ready: \(message.state.rawValue)"
        if let text = message.detail?.message { sentence += ", \(text)" }
        if let code = message.detail?.exitCode { sentence += " (exit code \(code))" }
        let advice =
            switch message.state {
            case .errorLoading: "Can the drone pull the image, and is its name right?"
            case .timedOutBeforeReady: "Does it listen on the port given with --port, on all addresses?"
            case .lost, .terminated, .swept: "Somebody or something else ended it."
            case .errorStarting, .failed, .exited: "What it printed: plane logs \(self.backend)"
            case .loading, .starting, .ready: String?.none
            }
        return CommandFailure(.endedBeforeReady, sentence.hasSuffix(".") ? sentence : sentence + ".", advice: advice)
    }
}
