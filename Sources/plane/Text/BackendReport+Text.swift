import PlaneClient
package import PlaneProtocol
import PlaneState

extension BackendReport {
    func lines(now: StateTime, _ console: Console) -> [String] {
        var lines = [self.heading(console)]
        if let explanation { lines += Self.wrapped(explanation, indent: 2, console) }
        lines.append("")
        lines += self.factLines(now: now)
        lines += ["", "  what happened"] + self.timeline(console).map { "    \($0)" }
        if let phases = self.phases, !phases.brief.isEmpty { lines += ["", "  the way to ready"] + Self.wrapped(phases.brief, indent: 4, console) }
        if !self.lastLines.isEmpty {
            lines += ["", "  what it printed last"]
            lines += self.lastLines.map { "    " + ($0.kind == .meta ? "[plane] " : "") + $0.text.printable }
        }
        if let advice { lines += ["", "  what to do"] + Self.wrapped(advice, indent: 4, console) }
        return lines
    }

    private var advice: String? {
        guard self.droneSilence == nil else {
            return "Is drone-agent running on its drone, and connected to NATS? Whether visitors are served without it: plane doctor asks the drones' proxies."
        }
        return self.diagnosis?.advice(for: self.backend)
    }

    private static func wrapped(_ text: String, indent: Int, _ console: Console) -> [String] {
        text.wrapped(to: console.width.map { max(40, min($0, 80) - indent) }).map { String(repeating: " ", count: indent) + $0 }
    }

    private func heading(_ console: Console) -> String {
        let name = self.backend.hostName(in: self.cluster)
        guard let state = self.outcome?.state else { return "\(name)  no state was reported" }
        return "\(name)  \(console.coloured(state.rawValue, state.colour))"
    }

    private func factLines(now: StateTime) -> [String] {
        var lines: [String] = []
        if let drone = self.drone {
            let seen = self.droneSeen.map { "seen \(max(.zero, now.since($0)).brief) ago" } ?? "never seen"
            lines.append("  drone     \(drone) (\(self.droneState?.rawValue ?? "state unknown"), \(seen))")
        } else {
            lines.append("  drone     unknown: the shared memory has no assignment of it")
        }
        if let address = self.tierAddress { lines.append("  tier      reaches it at \(address)") }
        if let lock = self.lock {
            lines.append("  lock      \(lock.printable) (\(self.holdsLock ? "held" : "not held any more"))")
        }
        if let code = self.outcome?.detail?.exitCode { lines.append("  exit code \(code)") }
        return lines
    }

    /// A line for each state: the time, how long the state before lasted, the state and its details; on a terminal where they do not fit, these stand below.
    private func timeline(_ console: Console) -> [String] {
        var previous: WireTime?
        return self.states.flatMap { message in
            defer { previous = message.time }
            let since = previous.map { "+" + max(.zero, message.time.stateTime.since($0.stateTime)).brief } ?? ""
            let name = message.state.rawValue
            let start = "\(message.time.stateTime)  \(since.padded(to: 11))  "
            let remark = Self.remark(on: message)
            let line = start + console.coloured(name, message.state.colour)
            // Each line is put four columns in.
            guard let width = console.width.map({ $0 - 4 }), start.count + name.count + remark.count > width else { return [line + remark] }
            let text = String(remark.drop { $0 == "," || $0 == ":" || $0 == " " })
            return [line] + text.wrapped(to: max(40, width - 4)).map { "    \($0)" }
        }
    }

    /// With what divides it from the state before it; empty for none.
    private static func remark(on message: BackendStateMessage) -> String {
        if let ending = message.detail?.ending { return ", " + BackendStatusLine.remark(ending, by: message.detail?.requestedBy) }
        if let isHeld = message.detail?.isHeld { return ", " + BackendStatusLine.remark(isHeld: isHeld) }
        let reason = message.detail?.message.map { ": \($0.printable)" } ?? ""
        return reason + (message.detail?.requestedBy.map { ", asked for by \($0.printable)" } ?? "")
    }
}

extension BackendReport: JSONEncodable {
    package func write(to json: inout JSONWriter) {
        json.object {
            $0.field("backend_id", self.backend)
            $0.field("cluster", self.cluster)
            $0.field("host", self.backend.hostName(in: self.cluster))
            $0.field("drone", self.drone)
            $0.field("drone_state", self.droneState)
            $0.field("drone_last_seen", self.droneSeen.map { WireTime($0) })
            $0.fieldIfPresent("tier_address", self.tierAddress.map { "\($0)" })
            $0.field("lock", self.lock)
            $0.field("holds_lock", self.holdsLock)
            $0.field("state", self.outcome?.state)
            $0.fieldIfPresent("ending", self.outcome?.detail?.ending)
            $0.fieldIfPresent("held", self.outcome?.detail?.isHeld)
            $0.field("cause", self.outcome?.detail?.cause)
            $0.field("exit_code", self.outcome?.detail?.exitCode)
            $0.field("message", self.outcome?.detail?.message)
            $0.field("started_by", self.states.first { !$0.state.isTerminal }?.detail?.requestedBy)
            $0.field("ended_by", self.outcome.flatMap { $0.state.isTerminal ? $0.detail?.requestedBy : nil })
            $0.field("explanation", self.explanation)
            $0.field("advice", self.advice)
            $0.field("phases", self.phases)
            $0.field("states", self.states.map { StateItem($0) })
            $0.field("last_log_lines", self.lastLines)
        }
    }
}
