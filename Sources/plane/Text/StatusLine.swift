import PlaneProtocol

/// One state as a line: backend, state and time divided by tabs, as the reference prints them, and what is known besides.
struct StatusLine {
    let message: BackendStateMessage

    init(_ message: BackendStateMessage) { self.message = message }

    func text(_ console: Console) -> String {
        var columns = [
            self.message.backend.rawValue,
            console.coloured(self.message.state.rawValue, self.message.state.colour),
            "\(self.message.time)",
        ]
        if let remark = self.remark { columns.append(remark) }
        return columns.joined(separator: "\t")
    }

    /// Its end has begun, and its process may still run.
    static func remark(_ ending: BackendEnding, by requester: String?) -> String {
        let asked = requester.map { ", asked for by \($0.printable)" } ?? ""
        return "is being ended (\(ending.reason.rawValue.printable), \(ending.kind))\(asked)"
    }

    /// The phases for a ready backend, cause and exit code for one that ended.
    private var remark: String? {
        guard let detail = self.message.detail else { return nil }
        if let ending = detail.ending { return Self.remark(ending, by: detail.requestedBy) }
        if self.message.state == .ready { return detail.phases.map(\.brief).flatMap { $0.isEmpty ? nil : $0 } }
        var parts: [String] = []
        if let cause = detail.cause { parts.append(cause.rawValue.printable) }
        if let code = detail.exitCode { parts.append("exit code \(code)") }
        if let message = detail.message { parts.append(message.printable) }
        if let requester = detail.requestedBy { parts.append("asked for by \(requester.printable)") }
        return parts.isEmpty ? nil : parts.joined(separator: ", ")
    }
}
