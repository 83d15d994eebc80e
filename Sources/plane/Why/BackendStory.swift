import PlaneProtocol
import PlaneState

/// Everything that is known of one backend, told as what happened to it: `plane why`.
struct BackendStory: Equatable {
    var backend: BackendID
    var cluster: ClusterName
    /// nil where the shared memory no longer has it, or never had.
    var drone: DroneID?
    /// When the drone last gave a sign of life, and in which state it was.
    var droneSeen: WorldTime?
    var droneState: DroneState?
    var lock: LockName?
    /// Whether it holds the lock at this moment.
    var holdsLock = false
    /// Every state reported, in order.
    var states: [BackendStateMessage] = []
    /// The newest lines it printed, oldest first.
    var lastLines: [LogEntry] = []

    /// The state that counts: a terminal one is never left again.
    var outcome: BackendStateMessage? { self.states.first(where: \.state.isTerminal) ?? self.states.last }

    /// Of all its states, the fullest account of the phases.
    var phases: SpawnPhases? {
        self.states.compactMap(\.detail?.phases).max { $0.steps.count < $1.steps.count }
    }

    var verdict: BackendVerdict? {
        self.outcome.map { BackendVerdict($0, wasReady: self.states.contains { $0.state == .ready }) }
    }
}

// MARK: - For people

extension BackendStory {
    func lines(now: WorldTime, _ console: Console) -> [String] {
        var lines = [self.heading(console)]
        if let verdict = self.verdict { lines.append("  \(verdict.sentence)") }
        lines.append("")
        lines += self.factLines(now: now)
        lines += ["", "  what happened"] + self.timeline(console).map { "    \($0)" }
        if let phases = self.phases, !phases.brief.isEmpty { lines += ["", "  the way to ready", "    \(phases.brief)"] }
        if !self.lastLines.isEmpty {
            lines += ["", "  what it printed last"]
            lines += self.lastLines.map { "    " + ($0.kind == .meta ? "[plane] " : "") + $0.text.printable }
        }
        if let advice = self.verdict?.advice(for: self.backend) { lines += ["", "  what to do", "    \(advice)"] }
        return lines
    }

    private func heading(_ console: Console) -> String {
        let name = self.backend.hostName(in: self.cluster)
        guard let state = self.outcome?.state else { return "\(name)  no state was reported" }
        return "\(name)  \(console.coloured(state.rawValue, state.colour))"
    }

    private func factLines(now: WorldTime) -> [String] {
        var lines: [String] = []
        if let drone = self.drone {
            let seen = self.droneSeen.map { "seen \(max(.zero, now.since($0)).brief) ago" } ?? "never seen"
            lines.append("  drone     \(drone) (\(self.droneState?.rawValue ?? "state unknown"), \(seen))")
        } else {
            lines.append("  drone     unknown: the shared memory has no assignment of it")
        }
        if let lock = self.lock {
            lines.append("  lock      \(BackendListing.printable(lock)) (\(self.holdsLock ? "held" : "not held any more"))")
        }
        if let code = self.outcome?.detail?.exitCode { lines.append("  exit code \(code)") }
        return lines
    }

    /// Time, how long the state before it lasted, state and what was said of it.
    private func timeline(_ console: Console) -> [String] {
        var previous: WireTime?
        return self.states.map { message in
            defer { previous = message.time }
            let since = previous.map { "+" + max(.zero, message.time.worldTime.since($0.worldTime)).brief } ?? ""
            let name = message.state.rawValue
            var line = "\(message.time.worldTime)  \(since.padded(to: 11))  \(console.coloured(name, message.state.colour))"
            if let ending = message.detail?.ending { return line + ", " + StatusLine.remark(ending, by: message.detail?.requestedBy) }
            if let remark = message.detail?.message { line += ": \(remark.printable)" }
            if let requester = message.detail?.requestedBy { line += ", asked for by \(requester.printable)" }
            return line
        }
    }
}

extension String {
    /// With spaces at its end; as it is if it is longer.
    func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - self.count)) }
}

// MARK: - For programs

extension BackendStory: JSONEncodable {
    func write(to json: inout JSONWriter) {
        json.object {
            $0.field("backend_id", self.backend)
            $0.field("cluster", self.cluster)
            $0.field("host", self.backend.hostName(in: self.cluster))
            $0.field("drone", self.drone)
            $0.field("drone_state", self.droneState)
            $0.field("drone_last_seen", self.droneSeen.map { WireTime($0) })
            $0.field("lock", self.lock)
            $0.field("holds_lock", self.holdsLock)
            $0.field("state", self.outcome?.state)
            $0.fieldIfPresent("ending", self.outcome?.detail?.ending)
            $0.field("cause", self.outcome?.detail?.cause)
            $0.field("exit_code", self.outcome?.detail?.exitCode)
            $0.field("message", self.outcome?.detail?.message)
            $0.field("started_by", self.states.first { !$0.state.isTerminal }?.detail?.requestedBy)
            $0.field("ended_by", self.outcome.flatMap { $0.state.isTerminal ? $0.detail?.requestedBy : nil })
            $0.field("explanation", self.verdict?.sentence)
            $0.field("advice", self.verdict?.advice(for: self.backend))
            $0.field("phases", self.phases)
            $0.field("states", self.states)
            $0.field("last_log_lines", self.lastLines)
        }
    }
}
