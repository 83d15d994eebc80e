import GatewayCore
import GatewayHTTPConfiguration
import HTTPTypes
import PlaneClient
import PlaneProtocol
import PlaneService
import PlaneState
import Synchronization
import Timing

/// Serves the page for people.
final class PageResponder: Sendable {
    private let fleet: Fleet
    private let callers: CallerCheck
    private let tokens: TokenWriter
    private let state = Mutex(State())

    private struct State {
        var viewers = 0
        var connections: [BackendID: Int] = [:]
        var connectionsAskedAt: ContinuousClock.Instant?
    }

    /// How many open pages are kept up to date at the same time; each update looks at all backends.
    private static let viewerLimit = 100
    /// The time between updates of an open page; the longer one is for large fleets.
    private static let lookInterval: Duration = .seconds(1)
    private static let rareLookInterval: Duration = .seconds(10)
    private static let largeFleet = 20_000
    /// The time between requests to the drones for open connections, and how many drones are asked.
    private static let connectionsInterval: Duration = .seconds(5)
    private static let connectionDrones = 64
    /// How often a page asks for the backends that the searched user has visited, and how long the answer may take.
    private static let visitsInterval: Duration = .seconds(10)
    private static let visitsLimit: Duration = .seconds(1)

    init(fleet: Fleet, callers: CallerCheck, tokens: TokenWriter) {
        self.fleet = fleet
        self.callers = callers
        self.tokens = tokens
    }

    func reply(to route: Route, _ request: IncomingRequest, _ caller: Caller) async throws(GatewayError) -> Reply {
        switch route {
        case .pageStyle: return Self.asset(PageAssets.style, "text/css; charset=utf-8")
        case .pageScript: return Self.asset(PageAssets.script, "text/javascript; charset=utf-8")
        case .page:
            var search = PageModel.Search(request.query)
            search.visited = await self.visited(by: search.text) ?? []
            await self.askConnections()
            return Self.html(
                PageHTML.document(title: "Plane", events: "/page/events?\(search.query)", PageHTML.overview(self.model(search, caller))))
        case .pageEvents: return try self.events(PageModel.Search(request.query), caller)
        case .pageBackend(let backend):
            guard let backend else { throw .backendNotFound }
            let queries = BackendQueries(fleet: self.fleet)
            let (report, view, entries) = try await queries.report(of: backend, lines: 50)
            let scope = view.map { queries.scope(of: $0, in: report.cluster, changes: false) } ?? CallScope(changes: false, cluster: report.cluster)
            guard caller.may(scope) else { throw .backendNotFound }
            var writing = scope
            writing.changes = true
            return Self.html(BackendPageHTML.page(report, view, entries, mayEnd: view != nil && caller.may(writing)))
        case .pageTerminate(let backend): return try await self.terminate(backend, request, caller)
        case .pageDrain(let cluster, let drone): return try await self.drain(cluster, drone, request, caller)
        case .pageLogin: return try await self.logIn(request)
        case .pageLogout:
            try Self.demandOwnPage(request)
            var reply = Self.redirect("/")
            reply.set("set-cookie", "\(CallerCheck.cookie)=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict")
            return reply
        default: throw GatewayError(.other, internalCause: "no route of the page")
        }
    }

    private func model(_ search: PageModel.Search, _ caller: Caller) -> PageModel {
        PageModel(self.fleet, search, caller: caller, connections: self.state.withLock { $0.connections }, canLogOut: caller.name != nil)
    }

    // MARK: Live

    private func events(_ search: PageModel.Search, _ caller: Caller) throws(GatewayError) -> Reply {
        let mayView = self.state.withLock { state in
            guard state.viewers < Self.viewerLimit else { return false }
            state.viewers += 1
            return true
        }
        guard mayView else { throw GatewayError(status: 503, text: "Too many look at this page at the same time.", retryAfterSeconds: 30) }
        let place = ViewerPlace { [weak self] in self?.state.withLock { $0.viewers -= 1 } }
        return .events { writer in
            defer { withExtendedLifetime(place) {} }
            var (shown, quiet) = ("", 0)
            var search = search
            var visitsAskedAt: ContinuousClock.Instant?
            while !Task.isCancelled, !self.fleet.hub.isOver {
                await self.askConnections()
                if visitsAskedAt.map({ .now - $0 > Self.visitsInterval }) ?? true {
                    visitsAskedAt = .now
                    if let visited = await self.visited(by: search.text) { search.visited = visited }
                }
                let looked = search
                let (model, html) = await awayFromEventLoop { () -> (PageModel, String) in
                    let model = self.model(looked, caller)
                    return (model, PageHTML.sections(model))
                }
                quiet += 1
                if html != shown {
                    shown = html
                    quiet = 0
                    try await writer.write(EventStreamText.event(WireCodec.encode(html)))
                } else if quiet >= Int(StatusHub.keepAliveSeconds) {
                    quiet = 0
                    try await writer.write(EventStreamText.keepAlive)
                }
                try await Task.sleep(for: model.total > Self.largeFleet ? Self.rareLookInterval : Self.lookInterval)
            }
        }
    }

    /// Frees a viewer's place, however the stream ends.
    private final class ViewerPlace: Sendable {
        private let leave: @Sendable () -> Void
        init(_ leave: @escaping @Sendable () -> Void) { self.leave = leave }
        deinit { self.leave() }
    }

    /// Backends visited by the user with exactly this name; nil if there is no answer, since the rest of the search works without.
    private func visited(by text: String) async -> Set<BackendID>? {
        guard !text.isEmpty else { return [] }
        let tokens = self.tokens
        return try? await withTimeLimit(Self.visitsLimit) { () async throws(GatewayError) in try await tokens.backends(visitedBy: text) }
    }

    /// Asks drones for their open connections if that has not been done for a while; takes a second at most.
    private func askConnections() async {
        let isDue = self.state.withLock { state in
            guard state.connectionsAskedAt.map({ .now - $0 > Self.connectionsInterval }) ?? true else { return false }
            state.connectionsAskedAt = .now
            return true
        }
        guard isDue, self.fleet.isCurrent else { return }
        let now = StateTime.now()
        let drones = self.fleet.mirror.ask { fleet in
            fleet.clusterNames.flatMap { cluster in
                fleet.drones(in: cluster).filter { $0.liveBackends > 0 && $0.lastSeen.map { now.since($0) < Placement.livenessWindow } ?? false }
                    .prefix(Self.connectionDrones).map { (drone: $0.id, cluster: cluster) }
            }
        }
        let client = self.fleet.client
        guard let answers = await withTimeLimit(.seconds(1), { await client.openConnections(of: drones) }) else { return }
        var connections: [BackendID: Int] = [:]
        for entry in answers.flatMap(\.entries) { connections[entry.backend] = Int(entry.requests) + Int(entry.webSockets) }
        self.state.withLock { $0.connections = connections }
    }

    // MARK: Acting

    private func terminate(_ backend: BackendID?, _ request: IncomingRequest, _ caller: Caller) async throws(GatewayError) -> Reply {
        try Self.demandOwnPage(request)
        guard let backend, let located = self.fleet.locate(backend) else { throw .backendNotFound }
        let form = try await request.form()
        guard caller.may(BackendQueries(fleet: self.fleet).scope(of: located.view, in: located.cluster, changes: true)) else {
            throw GatewayError(status: 403, text: "This token does not reach that far.")
        }
        let (control, kind, requester) = (
            BackendControl(fleet: self.fleet), form["kind"] == "hard" ? BackendEnding.Kind.hard : .soft, caller.name ?? "the page"
        )
        try await AnswerDeadline().within { () async throws(GatewayError) in try await control.terminate(backend, kind, requestedBy: requester) }
        return Self.redirect("/page/b/\(backend)")
    }

    private func drain(_ cluster: ClusterName?, _ drone: DroneID?, _ request: IncomingRequest, _ caller: Caller) async throws(GatewayError) -> Reply {
        try Self.demandOwnPage(request)
        guard let cluster, let drone else { throw .droneNotFound }
        let form = try await request.form()
        let pool = self.fleet.drone(drone, in: cluster)?.metadata?.abilities.pool ?? .unnamed
        guard caller.may(CallScope(changes: true, cluster: cluster, pool: pool)) else {
            throw GatewayError(status: 403, text: "This token does not reach that far.")
        }
        _ = try await BackendControl(fleet: self.fleet).drain(drone, in: cluster, form["drain"] != "false")
        return Self.redirect("/")
    }

    private func logIn(_ request: IncomingRequest) async throws(GatewayError) -> Reply {
        try Self.demandOwnPage(request)
        let form = try await request.form()
        guard let text = form["token"]?.trimmed, self.callers.token(text) != nil else { return self.login(hasFailed: true) }
        var reply = Self.redirect("/")
        let isSecure = request.field("x-forwarded-proto") == "https"
        // A cookie cannot hold all characters. A token with others is sent escaped.
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && ![UInt8(ascii: ";"), UInt8(ascii: ","), UInt8(ascii: "\""), UInt8(ascii: "\\")].contains($0) })
        else {
            throw GatewayError(status: 422, text: "A token with spaces, commas, semicolons or quotation marks cannot be used on the page.")
        }
        reply.set("set-cookie", "\(CallerCheck.cookie)=\(text); Path=/; HttpOnly; SameSite=Strict\(isSecure ? "; Secure" : "")")
        return reply
    }

    func login(hasFailed: Bool = false) -> Reply { Self.html(PageHTML.login(hasFailed: hasFailed), status: 401) }

    /// Throws unless the form was sent by a page of this gateway, because another site could send it in the user's name.
    private static func demandOwnPage(_ request: IncomingRequest) throws(GatewayError) {
        let refusal = GatewayError(status: 403, text: "This can only be asked for on the gateway's own page.")
        if let site = request.field("sec-fetch-site") {
            guard site == "same-origin" else { throw refusal }
            return
        }
        guard let origin = request.field("origin"), let host = request.host, origin == "http://\(host)" || origin == "https://\(host)" else { throw refusal }
    }

    // MARK: Replies

    private static func html(_ text: String, status: Int = 200) -> Reply {
        var reply = Reply.bytes(Array(text.utf8), type: "text/html; charset=utf-8", status: status)
        reply.set(
            "content-security-policy",
            "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
        reply.fields[.cacheControl] = "no-store"
        self.protect(&reply)
        return reply
    }

    private static func asset(_ text: String, _ type: String) -> Reply {
        var reply = Reply.bytes(Array(text.utf8), type: type)
        reply.fields[.cacheControl] = "no-cache"
        self.protect(&reply)
        return reply
    }

    private static func protect(_ reply: inout Reply) {
        reply.set("x-content-type-options", "nosniff")
        // Not "no-referrer", because forms would then be sent without their origin.
        reply.set("referrer-policy", "same-origin")
    }

    private static func redirect(_ path: String) -> Reply {
        var reply = Reply(status: 303)
        reply.fields[.location] = path
        return reply
    }
}
