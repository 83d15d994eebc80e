import Logging
import LogKeys
import NIOCore
import PlaneProtocol
import ProxyCore
import ProxyPages
import TierHop

/// The policy of a drone's proxy. A host below the cluster's domain, or a path, names a backend of this drone, which may require a token. While the backend
/// is still starting its requests wait.
final class DronePolicy: ProxyPolicy {
    /// The flags that are remembered for a request.
    enum Notes {
        /// No flags. An empty literal would go through an array, since the type is of another module.
        static let none = RequestNotes(rawValue: 0)
        /// The request named its backend by the path.
        static let isByPath = RequestNotes(rawValue: 1)
        /// The `Authorization` field was the token.
        static let usedAuthorization = RequestNotes(rawValue: 2)
        /// The request is of a browser that would show the answer as a page.
        static let wantsPage = RequestNotes(rawValue: 4)
        /// The page may repeat the request by itself.
        static let mayReload = RequestNotes(rawValue: 8)
        /// The request came through the tier, which has checked the visitor's token.
        static let isAdmittedByTier = RequestNotes(rawValue: 16)
        /// It goes on to the tier.
        static let isForwarded = RequestNotes(rawValue: 32)
    }

    private let host: PolicyHost
    private let directory: RouteDirectory<RouteAnswer>
    private let freshness: RouteFreshness
    let naming: BackendNaming
    private let access: DroneAccess
    /// Checks visitors who name a backend and come through the tier, which says how they reached it.
    let tierAccess: DroneAccess
    /// The secret that the tier has to show; nil if no requests are accepted from it.
    let hopSecret: HopSecret?
    private let trustsForwarding: Bool
    private let showsToken: Bool
    /// The route for requests that are for no backend.
    private let passthrough: DroneRoute?
    /// The route to the tier, for requests whose backend may be on another drone; nil for none.
    let forward: DroneRoute?
    /// What every response by HTTPS says, unless the backend says it in its own way.
    private let strictTransportSecurity: [UInt8]?
    private let pages: VisitorPages?

    @exclusivity(unchecked) private var routes = RouteCache()
    /// The names for which browsers are being held until their time limit.
    private var heldForPages: Set<String> = []
    /// The name whose browsers have reached that limit just now.
    private var overdueName: String?
    /// Of a backend of this drone's that has ended, while requests that have waited for its lookup are resolved.
    var endedName: String?
    private var usualStart = TypicalStart()
    /// Whether the last query of the source failed; that was logged.
    private var sourceFails = false

    init(_ options: DroneProxyOptions, directory: RouteDirectory<RouteAnswer>, host: PolicyHost) {
        self.host = host
        self.directory = directory
        self.freshness = directory.freshness
        self.naming = BackendNaming(clusterName: options.clusterName, allowsPath: options.allowsPathRouting)
        self.access = DroneAccess(allowsPreflights: options.allowsPreflights, trustsForwarding: options.trustsForwarding)
        self.tierAccess = DroneAccess(allowsPreflights: options.allowsPreflights, trustsForwarding: true)
        self.hopSecret = options.hopSecret
        self.trustsForwarding = options.trustsForwarding
        self.showsToken = options.showsTokenToBackend
        self.passthrough = options.passthrough.map { address in
            DroneRoute(name: "passthrough", destination: .ready(host.makeEndpoint(address)), token: nil, activity: nil)
        }
        self.forward = options.forward.map { address in
            DroneRoute(
                name: "forward", destination: .ready(host.makeEndpoint(address, tls: options.forwardTLS)), token: nil, activity: nil)
        }
        self.pages = options.pages
        self.strictTransportSecurity = options.strictTransportSecurity.map { Array("Strict-Transport-Security: max-age=\($0)\r\n".utf8) }
    }

    var refusalReasons: [RefusalReason] { RefusalReason.drones }

    // MARK: Resolve

    func resolve(
        _ head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, from visitor: Visitor, after lookup: LookupOutcome?,
        at now: NIODeadline
    ) -> Resolution {
        if visitor.isProxy { return self.resolveForTier(head, fields, bytes, from: visitor, after: lookup, at: now) }
        guard let name = self.naming.name(head, bytes) else {
            guard let passthrough else {
                return self.answer(ProxyAnswer(.badRequest, "The request names no backend.", refusal: .namesNoBackend), head, fields, bytes)
            }
            return .route(passthrough, path: head.path, [])
        }
        let route: DroneRoute
        switch self.findKnown(bytes, name, after: lookup, at: now) {
        case .route(let known): route = known
        case .wait(let text): return .wait(forLookupOf: text)
        case .unreadable: return .fail(.proxy(.routesUnavailable))
        case .none:
            if let forward, !name.isByPath { return .route(forward, path: head.path, Notes.isForwarded) }
            guard let passthrough else {
                return self.answer(ProxyAnswer(.notFound, "There is no such backend.", refusal: .unknownBackend), head, fields, bytes)
            }
            route = passthrough
        }
        return self.admit(head, fields, bytes, name, to: route, from: visitor, by: self.access, at: now)
    }

    /// Checks the token of a visitor who names a backend.
    @inline(__always)
    func admit(
        _ head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, _ name: BackendNaming.Name, to route: DroneRoute,
        from visitor: Visitor, by access: DroneAccess, at now: NIODeadline
    ) -> Resolution {
        switch access.admit(head, fields, bytes, name, to: route, from: visitor) {
        case .answer(let answer): return self.answer(answer, head, fields, bytes)
        case .admitted(let usedAuthorization):
            var notes = self.notes(on: head, fields, bytes)
            if name.isByPath { notes.formUnion(Notes.isByPath) }
            if usedAuthorization { notes.formUnion(Notes.usedAuthorization) }
            if notes.contains(Notes.mayReload), let page = self.waitingPage(for: route, at: now) { return .answer(page) }
            return .route(route, path: name.path, notes)
        }
    }

    // MARK: Pages

    func notes(on head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>) -> RequestNotes {
        guard self.pages != nil, PagePreference.wantsPage(fields, bytes), !head.wantsUpgrade else { return Notes.none }
        guard head.framing == .none, head.isHEAD || bytes.equals(head.method, uppercase: "GET") else { return Notes.wantsPage }
        return Notes.wantsPage.union(Notes.mayReload)
    }

    func answer(to failure: RequestFailure, _ notes: RequestNotes, on route: DroneRoute?) -> ProxyAnswer {
        let answer = ProxyAnswer(failure)
        guard let pages, notes.contains(Notes.wantsPage) else { return answer }
        if failure == .upstream(.stillStarting), notes.contains(Notes.mayReload) {
            return pages.waiting(phase: nil, usually: self.usualStart.duration, refusal: answer.refusal)
        }
        return pages.page(for: answer)
    }

    func answer(_ answer: ProxyAnswer, _ head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>) -> Resolution {
        guard let pages, !answer.text.isEmpty, self.notes(on: head, fields, bytes).contains(Notes.wantsPage) else { return .answer(answer) }
        return .answer(pages.page(for: answer))
    }

    /// For a visitor whom the tier has admitted, and whose backend has ended meanwhile: a page for browsers, without a body for others, as the tier answers.
    func answerGone(_ head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>) -> Resolution {
        let answer = ProxyAnswer(.gone, "", refusal: .unknownBackend)
        guard let pages, self.notes(on: head, fields, bytes).contains(Notes.wantsPage) else { return .answer(answer) }
        return .answer(pages.page(for: answer))
    }

    /// A page for a browser that has been held long enough, which asks again by itself. If a backend starts fast no such page is shown.
    private func waitingPage(for route: DroneRoute, at now: NIODeadline) -> ProxyAnswer? {
        guard let pages, case .starting(let phase, since: _) = route.destination else { return nil }
        if pages.waitingAfter == .zero || self.overdueName == route.name {
            return pages.waiting(phase: phase, usually: self.usualStart.duration, refusal: nil)
        }
        if self.heldForPages.insert(route.name).inserted {
            let eventLoop = self.host.eventLoop
            let bound = NIOLoopBound(WeakPolicy(policy: self), eventLoop: eventLoop)
            let name = route.name
            eventLoop.scheduleTask(in: TimeAmount(pages.waitingAfter)) { bound.value.policy?.endHoldForPages(of: name) }
        }
        return nil
    }

    /// The first browser that waits for this name has reached the limit. The others continue to wait for their own limits.
    private func endHoldForPages(of name: String) {
        self.heldForPages.remove(name)
        guard let route = self.routes.find(name), case .starting = route.destination else { return }
        self.overdueName = name
        self.host.routeChanged(name, exists: true)
        self.overdueName = nil
    }

    // MARK: What is known

    enum Known {
        case route(DroneRoute)
        case none
        /// The route is not known, or too old.
        case wait(forLookupOf: String)
        case unreadable
    }

    @inline(__always)
    func findKnown(_ bytes: Span<UInt8>, _ name: BackendNaming.Name, after lookup: LookupOutcome?, at now: NIODeadline) -> Known {
        switch lookup {
        case nil:
            guard self.freshness.isFresh(at: now), let known = self.find(bytes, name) else {
                return .wait(forLookupOf: Self.text(bytes, name))
            }
            return .route(known)
        case .answered: return self.find(bytes, name).map { .route($0) } ?? .none
        case .failed: return self.find(bytes, name).map { .route($0) } ?? .unreadable
        }
    }

    @inline(__always)
    private func find(_ bytes: Span<UInt8>, _ name: BackendNaming.Name) -> DroneRoute? {
        self.routes.find(bytes, name.name, foldsCase: !name.isByPath)
    }

    private static func text(_ bytes: Span<UInt8>, _ name: BackendNaming.Name) -> String {
        let range = name.name
        return String(unsafeUninitializedCapacity: range.count) { buffer in
            for offset in 0..<range.count {
                let byte = bytes[range.lowerBound + offset]
                buffer[offset] = name.isByPath ? byte : byte.lowercased
            }
            return range.count
        }
    }

    // MARK: Routes

    func lookUp(_ name: String, anew: Bool) {
        let bound = NIOLoopBound(self, eventLoop: self.host.eventLoop)
        let eventLoop = self.host.eventLoop
        self.directory.resolve(name, rereading: anew) { result in
            eventLoop.execute { bound.value.lookedUp(name, anew: anew, result) }
        }
    }

    private func lookedUp(_ name: String, anew: Bool, _ result: Result<RouteAnswer, any Error>) {
        switch result {
        case .success(let answer):
            if self.sourceFails { self.host.logger.info("routes can be read again") }
            self.sourceFails = false
            self.store(name, answer)
            self.endedName = answer == .ended ? name : nil
            self.host.lookedUp(name, anew: anew, .answered)
            self.endedName = nil
        case .failure(let error):
            if !self.sourceFails { self.host.logger.error("routes cannot be read", metadata: [LogKey.error: "\(error)"]) }
            self.sourceFails = true
            self.host.lookedUp(name, anew: anew, .failed)
        }
    }

    /// Called when the directory has another answer than before.
    func routeChanged(_ name: String, _ answer: RouteAnswer) {
        self.store(name, answer)
        self.host.routeChanged(name, exists: answer.isKept)
    }

    func heldRequestsChanged(by change: Int) {
        self.directory.changeHeldCount(by: change)
    }

    private func store(_ name: String, _ answer: RouteAnswer) {
        let before = self.routes.find(name)
        let destination: DroneRoute.Destination
        let token: Secret?
        let hold: BackendFreezing
        switch answer {
        case .none, .ended:
            before?.retire()
            return self.routes.remove(name)
        case .starting(let secret, let phase):
            before?.retire()
            (destination, token, hold) = (.starting(phase, since: before?.startingSince ?? .now()), secret, .never)
        case .ready(let address, let secret, let state):
            if let since = before?.startingSince { self.usualStart.note(.now() - since) }
            let pool: UpstreamPool
            if let known = before?.pool, known.address == address {
                pool = known
            } else {
                before?.retire()
                pool = self.host.makeEndpoint(address)
            }
            (destination, token, hold) = (state == .frozen ? .frozen(pool) : .ready(pool), secret, state)
        }
        let activity = before?.activity ?? ActivityCounter(name: name)
        activity.hold = hold
        self.routes.insert(
            DroneRoute(name: name, destination: destination, token: token.map { AccessToken($0.exposed) }, activity: activity))
    }

    // MARK: Select

    func selectEndpoint(of route: DroneRoute, attempt: Int) -> Selection {
        switch route.destination {
        case .ready(let pool): return .endpoint(pool)
        case .starting: return .hold
        case .frozen:
            if let activity = route.activity { self.host.want(activity) }
            return .hold
        }
    }

    /// A backend that is `Ready` but refuses a connection may have ended or moved just now, so its route is looked up once more. After a connection that
    /// timed out the visitor has waited long enough.
    func recover(from attempt: FailedAttempt, of route: DroneRoute, at endpoint: UpstreamPool) -> Recovery {
        route.isBackend && attempt.number == 0 && attempt.failure != .connectTimedOut ? .lookUpAgain : .giveUp
    }

    // MARK: Rewrite

    func rewriteRequest(
        _ head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, _ notes: RequestNotes, for route: DroneRoute,
        to endpoint: UpstreamPool, from visitor: Visitor
    ) -> RequestRewriting {
        if visitor.isProxy { return self.rewriteForTier(head, notes) }
        var rewriting = RequestRewriting()
        if notes.contains(Notes.isForwarded) { self.rewriteForwarded(&rewriting) } else { self.hideToken(head, notes, &rewriting) }
        // Only the tier says who a visitor is.
        rewriting.hiddenPrefix = Self.verifiedPrefix
        if self.trustsForwarding { rewriting.forwarding = .extended }
        return rewriting
    }

    /// The beginning of the fields in which the tier tells backends who a visitor is.
    private static let verifiedPrefix: StaticString = "x-verified-"

    func hideToken(_ head: RequestHead, _ notes: RequestNotes, _ rewriting: inout RequestRewriting) {
        guard !self.showsToken else { return }
        rewriting.hidesAuthorization = notes.contains(Notes.usedAuthorization)
        if head.hasCookies { rewriting.hiddenCookie = DroneAccess.cookieName }
    }

    /// The passthrough address is no backend, and may set any cookies.
    func rewriteResponse(
        _ head: ResponseHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, _ notes: RequestNotes, of route: DroneRoute,
        to visitor: Visitor
    ) -> ResponseRewriting {
        var rewriting = ResponseRewriting()
        if head.setsCookies, route.isBackend, !notes.contains(Notes.isAdmittedByTier) {
            let prefix = notes.contains(Notes.isByPath) ? Array(BackendNaming.pathPrefix.description.utf8) + Array(route.name.utf8) : nil
            rewriting.cookieRules = SetCookieRules(clusterSuffix: self.naming.suffix, pathPrefix: prefix)
        }
        if visitor.isHTTPS, !visitor.isProxy, let line = self.strictTransportSecurity,
            !fields.contains(where: { bytes.equals($0.name, lowercase: "strict-transport-security") })
        {
            rewriting.addedFields = line
        }
        return rewriting
    }

    // MARK: Answers

    /// Scripts of other origins may read every answer of the proxy; otherwise they could not tell a missing token from a broken network.
    func addAnswerFields(status: ProxyStatus, to visitor: Visitor, into out: inout ByteBuffer) {
        // For requests through the tier, the tier writes this field.
        if !visitor.isProxy { out.writeStaticString("Access-Control-Allow-Origin: *\r\n") }
        if visitor.isHTTPS, !visitor.isProxy, let strictTransportSecurity { out.writeBytes(strictTransportSecurity) }
        if status == .unauthorized { out.writeStaticString("WWW-Authenticate: Bearer\r\n") }
    }
}

/// Held by timers, which may outlive the policy.
private struct WeakPolicy {
    weak var policy: DronePolicy?
}

extension RefusalReason {
    static let namesNoBackend = RefusalReason(label: "names_no_backend")
    static let unknownBackend = RefusalReason(label: "unknown_backend")
    static let tokenMissing = RefusalReason(label: "token_missing")
    static let tokenWrong = RefusalReason(label: "token_wrong")
    /// The cookie came with a request that is not known to come from a page of the backend itself.
    static let foreignOrigin = RefusalReason(label: "foreign_origin")
    /// The link with `/_plane_auth` leads to another site.
    static let foreignRedirect = RefusalReason(label: "foreign_redirect")

    static let drones = [namesNoBackend, unknownBackend, tokenMissing, tokenWrong, foreignOrigin, foreignRedirect, notOfTier, notHere]
}
