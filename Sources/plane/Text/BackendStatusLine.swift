import PlaneProtocol

/// One state as a line: backend, state and time separated by tabs, as in 0.3.24, and then the details.
struct BackendStatusLine {
    let message: BackendStateMessage

    init(_ message: BackendStateMessage) { self.message = message }

    func text(_ console: Console) -> String {
        if let width = console.width { return self.lines(console, width: width).joined(separator: "\n") }
        var columns = [
            self.message.backend.rawValue,
            console.coloured(self.message.state.rawValue, self.message.state.colour),
            "\(self.message.time)",
        ]
        if let remark = self.remark { columns.append(remark) }
        return columns.joined(separator: "\t")
    }

    /// On a terminal the values are in columns. The id is cut if the line is too long, and remarks continue on the next line.
    private func lines(_ console: Console, width: Int) -> [String] {
        let time = "\(self.message.time)"
        let name = self.message.state.rawValue
        let longest = BackendState.allCases.map(\.rawValue.count).max() ?? 0
        let rest = longest + time.count + 4
        let id = self.message.backend.rawValue.cut(to: max(9, width - rest))
        var line = "\(id)  \(console.coloured(name, self.message.state.colour))\(String(repeating: " ", count: longest - name.count))  \(time)"
        guard let remark else { return [line] }
        if id.count + rest + 2 + remark.count <= width {
            line += "  \(remark)"
            return [line]
        }
        return [line] + remark.wrapped(to: max(40, width - 4)).map { "    \($0)" }
    }

    /// The remark that the backend's end has begun, so that its process may still run.
    static func remark(_ ending: BackendEnding, by requester: String?) -> String {
        let asked = requester.map { ", asked for by \($0.printable)" } ?? ""
        return "is being ended (\(ending.reason.rawValue.printable), \(ending.kind))\(asked)"
    }

    static func remark(isHeld: Bool) -> String { isHeld ? "frozen, since there is no traffic" : "thawed" }

    /// The phases for a ready backend; cause and exit code for one that has ended.
    private var remark: String? {
        guard let detail = self.message.detail else { return nil }
        if let ending = detail.ending { return Self.remark(ending, by: detail.requestedBy) }
        if let isHeld = detail.isHeld { return Self.remark(isHeld: isHeld) }
        if self.message.state == .ready { return detail.phases.map(\.brief).flatMap { $0.isEmpty ? nil : $0 } }
        var parts: [String] = []
        if let cause = detail.cause { parts.append(cause.rawValue.printable) }
        if let code = detail.exitCode { parts.append("exit code \(code)") }
        if let message = detail.message { parts.append(message.printable) }
        if let requester = detail.requestedBy { parts.append("asked for by \(requester.printable)") }
        return parts.isEmpty ? nil : parts.joined(separator: ", ")
    }
}

/// A state in JSON output; `backend` is the older spelling of `backend_id`.
struct StateItem: JSONEncodable {
    let message: BackendStateMessage

    init(_ message: BackendStateMessage) { self.message = message }

    func write(to json: inout JSONWriter) {
        json.object {
            $0.field("cluster", self.message.cluster)
            $0.field("backend_id", self.message.backend)
            $0.field("state", self.message.state)
            $0.field("time", self.message.time)
            $0.fieldIfPresent("detail", self.message.detail)
            $0.field("backend", self.message.backend)
        }
    }
}
