import GatewayCore
import PlaneClient
import PlaneProtocol
import PlaneState
import TextEncodings

/// The page as HTML. Everything that comes from outside is escaped where it is put in.
enum PageHTML {
    /// - Parameters:
    ///   - events: where the whole page is told anew.
    ///   - statuses: where the statuses of the page's backend are told.
    static func document(title: String, events: String? = nil, statuses: String? = nil, _ body: String) -> String {
        """
        <!doctype html>
        <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
        <title>\(HTMLText.escape(title))</title><link rel="stylesheet" href="/page/style.css"><script src="/page/script.js" defer></script></head>
        <body\(self.attribute("data-events", events))\(self.attribute("data-statuses", statuses))><a class="skip" href="#main">Skip to the content</a>
        <header><h1><a href="/">Plane</a></h1><p id="live" role="status" aria-live="polite"></p></header>
        <main id="main">\(body)</main></body></html>
        """
    }

    private static func attribute(_ name: String, _ value: String?) -> String { value.map { " \(name)=\"\(HTMLText.escape($0))\"" } ?? "" }

    // MARK: The first page

    static func overview(_ model: PageModel) -> String {
        """
        <form class="search" role="search" action="/" method="get"><label for="q">Search by id, key, lock, drone or user</label>
        <input id="q" name="q" type="search" value="\(HTMLText.escape(model.search.text))">
        <label class="check"><input name="ended" type="checkbox" value="true"\(model.search.showsEnded ? " checked" : "")> ended ones too</label>
        <button>Search</button></form>
        \(model.canLogOut ? "<form action=\"/page/logout\" method=\"post\"><button class=\"quiet\">Log out</button></form>" : "")
        \(self.sections(model))
        """
    }

    /// The part of the page that is updated while somebody looks at it.
    static func sections(_ model: PageModel) -> String {
        """
        <section data-section="notice">\(model.isCurrent ? "" : "<p class=\"warning\" role=\"alert\">The control plane is not answering: this is what was known last.</p>")</section>
        <section data-section="clusters" aria-labelledby="clusters-title"><h2 id="clusters-title">Clusters</h2>\(self.clusters(model))</section>
        <section data-section="drones" aria-labelledby="drones-title"><h2 id="drones-title">Drones</h2>\(self.drones(model))</section>
        <section data-section="proxies">\(self.proxies(model))</section>
        <section data-section="backends" aria-labelledby="backends-title"><h2 id="backends-title">Backends</h2>\(self.backends(model))</section>
        <section data-section="starts" aria-labelledby="starts-title"><h2 id="starts-title">Times to ready</h2>\(Charts.histogram(milliseconds: model.starts))</section>
        """
    }

    private static func clusters(_ model: PageModel) -> String {
        guard !model.clusters.isEmpty else { return "<p>There are none yet: no drone has registered.</p>" }
        let rows = model.clusters.map { cluster in
            let drones = cluster.drones.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key.rawValue.lowercased())" }.joined(separator: ", ")
            let live = cluster.backends.filter { !$0.key.isTerminal }.reduce(0) { $0 + $1.value }
            let ended = cluster.backends.values.reduce(0, +) - live
            return self.row(
                "c-\(cluster.name)",
                [
                    Cell("Cluster", HTMLText.escape(cluster.name.rawValue)), Cell("Drones", HTMLText.escape(drones.isEmpty ? "none" : drones), .name),
                    Cell("Backends", "\(live) live, \(cluster.backends[.ready] ?? 0) ready, \(ended) ended", .name),
                ])
        }
        return self.table("Clusters", ["Cluster", "Drones", "Backends"], rows)
    }

    /// Nothing where there is no tier.
    private static func proxies(_ model: PageModel) -> String {
        guard !model.proxies.isEmpty else { return "" }
        let rows = model.proxies.map { proxy in
            let status = proxy.status
            return self.row(
                "p-\(status.cluster)-\(status.proxy)",
                [
                    Cell("Proxy", HTMLText.escape(status.proxy.rawValue)), Cell("Cluster", HTMLText.escape(status.cluster.rawValue), .name),
                    Cell("State", self.badge(status.isReady ? "ready" : "not ready", status.isReady ? "good" : "bad"), .plain),
                    Cell("Open", status.openRequests.map { "\($0)" } ?? ""), Cell("Version", HTMLText.escape(status.version), .name),
                    Cell("Last heard", "\(self.age(max((ContinuousClock.now - proxy.heardAt).components.seconds, 0))) ago"),
                ])
        }
        return "<h2>Proxies of the tier</h2>" + self.table("Proxies", ["Proxy", "Cluster", "State", "Open", "Version", "Last heard"], rows)
    }

    private static func drones(_ model: PageModel) -> String {
        guard !model.drones.isEmpty else { return "<p>There are none.</p>" }
        let rows = model.drones.map { drone in
            let isDraining = drone.view.state == .draining || drone.view.state == .drained
            let state = drone.isSilent ? "silent" : drone.view.state?.rawValue.lowercased() ?? "unknown"
            let path = "/page/c/\(PercentEncoding.encode(drone.cluster.rawValue))/d/\(PercentEncoding.encode(drone.view.id.rawValue))/drain"
            let button =
                drone.mayDrain
                ? self.button(isDraining ? "Undrain" : "Drain", path, field: ("drain", isDraining ? "false" : "true"), about: drone.view.id.rawValue) : ""
            return self.row(
                "d-\(drone.cluster)-\(drone.view.id)",
                [
                    Cell("Drone", HTMLText.escape(drone.view.id.rawValue)),
                    Cell("State", self.badge(state, drone.isSilent ? "bad" : isDraining ? "busy" : drone.view.state == .ready ? "good" : "plain"), .plain),
                    Cell("Cluster", HTMLText.escape(drone.cluster.rawValue), .name), Cell("Backends", "\(drone.view.liveBackends)"),
                    Cell("Version", HTMLText.escape(drone.view.metadata?.version ?? ""), .name),
                    Cell("Last seen", drone.seenSeconds.map { "\(self.age($0)) ago" } ?? "never"), Cell("Action", button, .plain),
                ])
        }
        return self.table("Drones", ["Drone", "State", "Cluster", "Backends", "Version", "Last seen", "Action"], rows)
    }

    private static func backends(_ model: PageModel) -> String {
        guard !model.backends.isEmpty else { return "<p>\(model.search.text.isEmpty ? "None is live." : "None was found.")</p>" }
        let all = model.backends.map { backend in
            let key = KeyText(backend.view.lock)
            let keyText = key.map { $0.namespace.isEmpty ? $0.name : "\($0.namespace) / \($0.name)" } ?? backend.view.lock?.rawValue ?? ""
            return [
                Cell("Backend", "<a href=\"/page/b/\(backend.view.id)\">\(HTMLText.escape(backend.view.id.rawValue))</a>"),
                Cell("Status", self.badge(backend.status), .plain), Cell("For", backend.ageSeconds.map { self.age($0) } ?? ""),
                Cell("Key", HTMLText.escape(String(keyText.prefix(80))), .long), Cell("Drone", HTMLText.escape(backend.view.drone?.rawValue ?? ""), .name),
                Cell("Connections", backend.connections.map(String.init) ?? ""),
                Cell("To ready", backend.facts?.millisecondsToReady.map { Duration.milliseconds($0).brief } ?? ""),
                Cell("Why it ended", HTMLText.escape(backend.facts?.diagnosis ?? ""), .long),
            ]
        }
        // Of what nobody has anything there is no column.
        let columns = all[0].indices.filter { column in all.contains { !$0[column].html.isEmpty } }
        let rows = zip(model.backends, all).map { backend, cells in self.row("b-\(backend.view.id)", columns.map { cells[$0] }) }
        let more = model.hiddenCount > 0 ? "<p>\(model.hiddenCount) more are not shown: search for them.</p>" : ""
        return self.table("Backends", columns.map { all[0][$0].head }, rows) + more
    }

    // MARK: Pieces

    /// A duration in words. The longer it is the less often the text changes, so that an open page stays calm.
    static func age(_ seconds: Int64) -> String {
        switch seconds {
        case ..<60: "\(seconds) s"
        case ..<3600: "\(seconds / 60) min"
        case ..<86_400: "\(seconds / 3600) h \(seconds % 3600 / 60) min"
        default: "\(seconds / 86_400) d \(seconds % 86_400 / 3600) h"
        }
    }

    static func table(_ caption: String, _ heads: [String], _ rows: [String]) -> String {
        "<table><caption class=\"hidden\">\(caption)</caption><thead><tr>\(heads.map { "<th scope=\"col\">\($0)</th>" }.joined())</tr></thead><tbody>\(rows.joined())</tbody></table>"
    }

    /// What stands under one head in one row.
    struct Cell {
        /// How it may be broken into lines.
        enum Style: String {
            /// Nowhere.
            case short
            /// Where it is too long for a name.
            case name
            /// Anywhere, and on narrow screens it has a line of its own.
            case long
            /// Nowhere, and it says by itself what it is.
            case plain
        }

        let head: String
        let html: String
        let style: Style

        init(_ head: String, _ html: String, _ style: Style = .short) {
            self.head = head
            self.html = html
            self.style = style
        }
    }

    /// - Parameter cells: the first one says whose row it is. Narrow screens show the heads of the others beside them.
    static func row(_ id: String, _ cells: [Cell]) -> String {
        let first = cells.first.map { "<th scope=\"row\">\($0.html)</th>" } ?? ""
        let others = cells.dropFirst().map { "<td class=\"\($0.style.rawValue)\" data-head=\"\($0.head)\">\($0.html)</td>" }
        return "<tr id=\"\(HTMLText.escape(id))\">\(first)\(others.joined())</tr>"
    }

    static func badge(_ status: GatewayStatus) -> String {
        switch status {
        case .ready: self.badge(status.rawValue, "good")
        case .scheduled, .loading, .starting, .waiting, .terminating, .hardTerminating: self.badge(status.rawValue, "busy")
        case .terminated: self.badge(status.rawValue, "plain")
        }
    }

    static func badge(_ text: String, _ style: String) -> String { "<span class=\"badge \(style)\">\(HTMLText.escape(text))</span>" }

    static func button(_ text: String, _ path: String, field: (name: String, value: String), about name: String, isDangerous: Bool = false) -> String {
        """
        <form action="\(HTMLText.escape(path))" method="post"><input type="hidden" name="\(field.name)" value="\(field.value)">\
        <button\(isDangerous ? " class=\"danger\"" : "") aria-label="\(text) \(HTMLText.escape(name))">\(text)</button></form>
        """
    }

    static func login(hasFailed: Bool) -> String {
        self.document(
            title: "Plane: log in",
            """
            <h2>Log in</h2>\(hasFailed ? "<p class=\"warning\" role=\"alert\">No token is this one.</p>" : "")
            <form action="/page/login" method="post" class="login"><label for="token">Token of the gateway</label>
            <input id="token" name="token" type="password" autocomplete="current-password" required><button>Log in</button></form>
            """)
    }
}
