import GatewayCore
import PlaneClient
import PlaneProtocol
import PlaneState

/// The page of one backend.
enum BackendPageHTML {
    static func page(_ report: BackendReport, _ view: BackendView?, _ entries: [StatusEntry], mayEnd: Bool) -> String {
        let status = entries.last?.status ?? .scheduled
        let key = KeyText(report.lock)
        var facts: [(String, String)] = [
            ("Cluster", report.cluster.rawValue), ("Drone", report.drone?.rawValue ?? "unknown"),
            ("Key", key.map { $0.namespace.isEmpty ? $0.name : "\($0.namespace) / \($0.name)" } ?? report.lock?.rawValue ?? "none"),
        ]
        if let tag = view?.tag, !tag.isEmpty { facts.append(("Tag", tag)) }
        if report.lock != nil { facts.append(("Holds its key", report.holdsLock ? "yes" : "no")) }
        if let explanation = report.explanation { facts.append(("Now", explanation)) }
        if let message = report.outcome?.detail?.message { facts.append(("In detail", message)) }
        if let code = report.outcome?.detail?.exitCode { facts.append(("Exit code", "\(code)")) }
        if let requester = report.states.compactMap({ $0.detail?.requestedBy }).last { facts.append(("Asked for by", requester)) }
        let list = facts.map { "<dt>\($0.0)</dt><dd>\(HTMLText.escape($0.1))</dd>" }.joined()
        let rows = entries.map { entry in
            PageHTML.row(
                "s-\(entry.status)",
                [
                    PageHTML.Cell("Status", PageHTML.badge(entry.status)), PageHTML.Cell("Time", HTMLText.escape("\(entry.time)")),
                    PageHTML.Cell("Reason", HTMLText.escape([entry.reason?.rawValue, entry.kind?.rawValue].compactMap { $0 }.joined(separator: ", ")), .name),
                ])
        }
        let lines = report.lastLines.map { HTMLText.escape($0.text) }.joined(separator: "\n")
        let path = "/page/b/\(report.backend)/terminate"
        let buttons =
            mayEnd && status != .terminated
            ? "<div class=\"actions\">\(PageHTML.button("Terminate", path, field: ("kind", "soft"), about: report.backend.rawValue, isDangerous: true))\(PageHTML.button("Kill", path, field: ("kind", "hard"), about: report.backend.rawValue, isDangerous: true))</div>"
            : ""
        return PageHTML.document(
            title: "Plane: \(report.backend)", statuses: status == .terminated ? nil : "/pub/b/\(report.backend)/status-stream",
            """
            <h2>Backend \(HTMLText.escape(report.backend.rawValue)) \(PageHTML.badge(status))</h2>\(buttons)<dl>\(list)</dl>
            <section aria-labelledby="boot-title"><h3 id="boot-title">Its start</h3>\(report.phases.map { Charts.timeline($0) } ?? "<p>Nothing is told of it yet.</p>")</section>
            <section aria-labelledby="history-title"><h3 id="history-title">Its history</h3>\(PageHTML.table("History", ["Status", "Time", "Reason"], rows))</section>
            <section aria-labelledby="log-title"><h3 id="log-title">Its last lines</h3>\(lines.isEmpty ? "<p>None are kept.</p>" : "<pre tabindex=\"0\" aria-label=\"Last lines\">\(lines)</pre>")</section>
            """)
    }
}
