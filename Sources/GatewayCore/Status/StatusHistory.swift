import PlaneClient
package import PlaneProtocol

/// Turns the messages that schedulers publish about a backend into statuses of Plane 0.5. Each status appears at most once, and only if it is higher than
/// those before.
package struct StatusHistory: Sendable {
    /// The highest status so far.
    package private(set) var last: StatusEntry?
    private var wasReady = false

    package init() {}

    package var hasEnded: Bool { self.last?.status == .terminated }

    /// For a reader that has already received everything up to a status.
    /// - Parameter seen: nil for a reader that has received nothing.
    package init(after seen: GatewayStatus?) {
        self.init()
        self.floor = seen?.rank ?? 0
    }

    private var floor = 0

    /// The backend was assigned to a drone.
    package mutating func assigned(at time: StateTime) -> [StatusEntry] {
        self.raised([StatusEntry(.scheduled, at: time)])
    }

    /// A scheduler has marked the backend as ended because no drone took it: of that nothing is published.
    package mutating func neverBegan(at time: StateTime) -> [StatusEntry] {
        self.raised([StatusEntry(.terminated, at: time, exitError: true, error: "It was ended before it began: no drone took it.")])
    }

    package mutating func apply(_ message: BackendStateMessage) -> [StatusEntry] {
        defer { if message.state == .ready { self.wasReady = true } }
        return self.raised(self.entries(of: message))
    }

    private mutating func raised(_ entries: [StatusEntry]) -> [StatusEntry] {
        entries.filter { entry in
            guard entry.status.rank > self.last?.status.rank ?? 0 else { return false }
            self.last = entry
            return entry.status.rank > self.floor
        }
    }

    private func entries(of message: BackendStateMessage) -> [StatusEntry] {
        let (time, phases) = (message.time.stateTime, message.detail?.phases)
        var entries: [StatusEntry]
        switch message.state {
        case .loading: entries = [StatusEntry(.loading, at: time)]
        case .starting:
            entries = [StatusEntry(.starting, at: Self.created(message) ?? time), StatusEntry(.waiting, at: time)]
        case .ready: entries = [StatusEntry(.ready, at: time, phases: phases)]
        case .errorLoading, .errorStarting, .timedOutBeforeReady, .failed, .exited, .swept, .lost, .terminated: return self.end(message)
        }
        if let ending = message.detail?.ending {
            entries.append(
                StatusEntry(
                    ending.kind == .hard ? .hardTerminating : .terminating, at: ending.time.stateTime, reason: TerminationReason(ending.reason),
                    kind: ending.kind))
        }
        return entries
    }

    private func end(_ message: BackendStateMessage) -> [StatusEntry] {
        let time = message.time.stateTime
        let exitCode = message.detail?.exitCode
        var reason: TerminationReason?
        var kind: BackendEnding.Kind?
        var exitError: Bool
        var before: [StatusEntry] = []
        switch message.state {
        case .swept: (reason, kind, exitError) = (.swept, .soft, (exitCode ?? 0) != 0)
        case .terminated: (reason, kind, exitError) = (.external, .soft, (exitCode ?? 0) != 0)
        case .timedOutBeforeReady:
            (reason, kind, exitError) = (.startupTimeout, .hard, true)
            before = [StatusEntry(.hardTerminating, at: time, reason: reason, kind: kind)]
        case .failed:
            exitError = true
            if message.detail?.cause == .internalError { (reason, kind) = (.internalError, .hard) }
        case .lost: (reason, exitError) = (.lost, true)
        case .exited: exitError = false
        case .errorLoading, .errorStarting: exitError = true
        case .loading, .starting, .ready: return []
        }
        // How and why the end was asked for is taken from the message about the beginning of the end.
        if let last = self.last, last.status == .terminating || last.status == .hardTerminating {
            reason = last.reason ?? reason
            kind = last.kind ?? kind
        }
        return before + [
            StatusEntry(
                .terminated, at: time, reason: reason, kind: kind, exitError: exitError,
                error: exitError ? Diagnosis(message, wasReady: self.wasReady).sentence : nil, cause: message.detail?.cause,
                phases: message.detail?.phases)
        ]
    }

    /// When the container was made. Phases are counted from the acceptance of the request, and the message's time is that of the start.
    private static func created(_ message: BackendStateMessage) -> StateTime? {
        guard let created = message.detail?.phases?.created, let started = message.detail?.phases?.started, created <= started else { return nil }
        let (passed, overflow) = started.subtractingReportingOverflow(created)
        return overflow ? nil : message.time.stateTime.adding(.microseconds(-passed))
    }
}
