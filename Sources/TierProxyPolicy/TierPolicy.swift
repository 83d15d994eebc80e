import Logging
import NIOCore
import PlaneProtocol
import ProxyCore
import ProxyPages
import TierHop
import VisitorTokens

#if canImport(Glibc)
import Glibc
#endif

/// The policy of a proxy of the tier: the first segment of a path is a token, or the host is the name of a backend that requires no token of the tier. In
/// both cases the request is passed to the proxy of the backend's drone.
///
/// The checks are made in this order: health check; `/`; empty token; what the token means; the state of its backend; the host.
final class TierPolicy: ProxyPolicy {
    /// The flags that are remembered for a request.
    enum Notes {
        /// No flags. An empty literal would go through an array, since the type is of another module.
        static let none = RequestNotes(rawValue: 0)
        /// The visitor's host is below the cluster's name, not that name itself.
        static let isBelowCluster = RequestNotes(rawValue: 1)
        /// The request is of a browser that would show the answer as a page.
        static let wantsPage = RequestNotes(rawValue: 2)
        /// The page may repeat the request by itself.
        static let mayReload = RequestNotes(rawValue: 4)
    }

    /// Tokens that one event loop keeps ready for use, and their bytes, with what is said of them. All are dropped when there are more, and found
    /// again in the directory, or verified again.
    private static let routeLimit = 100_000
    private static let routeBytesLimit = 64 << 20
    /// How often tokens of what is open are told to be in use.
    private static let useInterval: TimeAmount = .seconds(30)

    let host: PolicyHost
    /// Of its cluster among those of the program: routes, and what is looked up, say whose they are.
    let number: Int
    private let options: TierProxyOptions
    let directory: TierDirectory
    let pages: VisitorPages?
    /// The cluster's name in lower case, with and without its port.
    private let cluster: [UInt8]
    let domainLength: Int
    /// Every answer and every response says this.
    private let serverField: [UInt8]
    private let anyOrigin: [UInt8]
    private let root: ProxyAnswer

    @exclusivity(unchecked) private var tokens = ByteKeyTable<TierRoute>()
    @exclusivity(unchecked) private var named = ByteKeyTable<TierRoute>()
    private var backends: [String: TierBackend] = [:]
    private var endpoints = EndpointTable<UpstreamPool>()
    /// The result of the last lookup, for the requests that wait for it.
    private var lookedUp: (digest: TokenDigest, route: TierRoute?)?
    /// What is open has not been looked at for these yet.
    var pendingRevocations: [PendingRevocation] = []
    var expiryClock = ExpiryClock()
    var pageHolds = WaitingPages()

    init(_ options: TierProxyOptions, number: Int = 0, directory: TierDirectory, host: PolicyHost) {
        self.host = host
        self.number = number
        self.options = options
        self.directory = directory
        self.pages = options.pages
        self.cluster = options.cluster.rawValue.utf8.map(\.lowercased)
        self.domainLength = options.cluster.rawValue.utf8.prefix { $0 != .colon }.count
        self.serverField = Array("Server: \(options.serverName)\r\n".utf8)
        self.anyOrigin = Array(
            "Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Methods: *\r\nAccess-Control-Allow-Headers: *, Authorization\r\n".utf8)
        self.root =
            options.rootRedirect.map { ProxyAnswer(.movedPermanently, "", fields: "Location: \($0)\r\n", refusal: nil) }
            ?? Self.noToken
    }

    var refusalReasons: [RefusalReason] { RefusalReason.tiers }

    /// Reports the use of open requests' tokens from time to time, as long as the policy exists.
    func startTellingUse() {
        let bound = NIOLoopBound(WeakTierPolicy(policy: self), eventLoop: self.host.eventLoop)
        self.host.eventLoop.scheduleRepeatedTask(initialDelay: Self.useInterval, delay: Self.useInterval) { task in
            guard let policy = bound.value.policy else { return task.cancel() }
            policy.useOpen()
        }
    }

    // MARK: Resolve

    func resolve(
        _ head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, from visitor: Visitor, after lookup: LookupOutcome?,
        at now: NIODeadline
    ) -> Resolution {
        if visitor.isProxy { return self.resolveForDrone(head, fields, bytes) }
        let path = Self.withoutQuery(bytes, head.path)
        let segment = PathToken.segment(of: bytes, path)
        let form = PathToken(bytes, segment)
        // A name of a backend is its own host, with paths of its own.
        if form == nil, let route = self.route(named: head, bytes) { return self.admit(byName: route, head, fields, bytes) }
        if bytes.equals(path, uppercase: "/ready") {
            return .answer(ProxyAnswer(self.directory.fleet.isCurrent ? .ok : .serviceUnavailable, "", refusal: nil))
        }
        // Whose name it may be is not known yet.
        if form == nil, !self.directory.fleet.isCurrent, self.isBelowCluster(head, bytes) { return self.answer(Self.notYet, head, fields, bytes) }
        if path.count <= 1, !head.isAsteriskForm { return self.answer(self.root, head, fields, bytes) }
        if segment.isEmpty { return self.answer(Self.noToken, head, fields, bytes) }
        guard let form else { return self.answer(Self.gone, head, fields, bytes) }
        if let route = self.tokens.find(bytes, segment) {
            if self.isGood(route, at: now) { return self.admit(route, head, fields, bytes, segment, at: now) }
            self.tokens.remove(Self.copy(bytes, segment))
        }
        let text = Self.copy(bytes, segment)
        let digest = TokenDigest(of: text)
        let found: TierRoute?
        if case .signed = form {
            switch self.verify(text, digest, at: now) {
            case .route(let route): found = route
            case .none: found = nil
            case .notYet: return self.answer(Self.notYet, head, fields, bytes)
            }
        } else {
            guard let lookedUp, lookedUp.digest == digest else { return .wait(forLookupOf: "\(self.number):\(digest.hexadecimal)") }
            found = lookedUp.route
            // What is known by its name needs nobody; the path is its own as far as anybody here knows.
            if found == nil, case .failed? = lookup {
                guard let route = self.route(named: head, bytes) else { return .fail(.proxy(.routesUnavailable)) }
                return self.admit(byName: route, head, fields, bytes)
            }
        }
        // A backend may have no token of the tier's, and be asked for with a path that looks like one.
        guard let found else {
            if let route = self.route(named: head, bytes) { return self.admit(byName: route, head, fields, bytes) }
            let mayBeName = !self.directory.fleet.isCurrent && self.isBelowCluster(head, bytes)
            return self.answer(mayBeName ? Self.notYet : Self.gone, head, fields, bytes)
        }
        self.remember(found, for: text)
        return self.admit(found, head, fields, bytes, segment, at: now)
    }

    private func remember(_ route: TierRoute, for text: [UInt8]) {
        if self.tokens.count >= Self.routeLimit || self.tokens.size >= Self.routeBytesLimit { self.tokens.removeAll() }
        self.tokens.insert(route, for: text, size: text.count + route.fields.count)
    }

    /// A drone's proxy passes on what has come to it for a backend that is not its own. What that asks of its visitors is for its drone to check.
    private func resolveForDrone(_ head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>) -> Resolution {
        guard let hop = HopField.read(fields, bytes, secret: self.options.hopSecret), hop.admission == .unchecked else {
            return .answer(ProxyAnswer(.forbidden, "This port is for proxies of drones.", refusal: .notOfDrone))
        }
        if let route = self.route(named: head, bytes) { return self.admit(byName: route, head, fields, bytes) }
        guard self.directory.fleet.isCurrent else { return self.answer(Self.notYet, head, fields, bytes) }
        return self.answer(ProxyAnswer(.notFound, "There is no such backend.", refusal: .unknownBackend), head, fields, bytes, keepsText: true)
    }

    /// The visitor has shown a token.
    private func admit(
        _ route: TierRoute, _ head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, _ segment: Range<Int>, at now: NIODeadline
    ) -> Resolution {
        guard let grant = route.token?.grant else { return self.answer(Self.gone, head, fields, bytes) }
        let path = grant.isStatic ? head.path : segment.upperBound..<head.path.upperBound
        var notes = self.notes(on: head, fields, bytes)
        switch route.backend.place {
        case .starting: return self.hold(route, path, notes)
        case .unknown where route.backend.isAwaited: return .route(route, path: path, notes)  // seen again when it is known
        case .ready: break
        case .unreachable, .unknown, .ended: return self.answer(self.answer(for: route.backend), head, fields, bytes)
        }
        let host = self.hostWithoutDefaultPort(head, bytes)
        guard let label = self.subdomain(of: host, bytes) else { return self.answer(Self.foreignHost, head, fields, bytes) }
        if let subdomain = grant.subdomain, !Self.isEqual(bytes, label, subdomain) { return self.answer(Self.foreignHost, head, fields, bytes) }
        self.use(route, at: now)
        if !label.isEmpty { notes.formUnion(Notes.isBelowCluster) }
        return .route(route, path: path, notes)
    }

    private func admit(byName route: TierRoute, _ head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>) -> Resolution {
        switch route.backend.place {
        case .starting: self.hold(route, head.path, self.notes(on: head, fields, bytes))
        case .ready: .route(route, path: head.path, self.notes(on: head, fields, bytes))
        case .unreachable, .unknown, .ended: self.answer(self.answer(for: route.backend), head, fields, bytes)
        }
    }

    /// The request waits, and is seen again when the backend is ready; a browser only for a while.
    private func hold(_ route: TierRoute, _ path: Range<Int>, _ notes: RequestNotes) -> Resolution {
        if notes.contains(Notes.mayReload), let page = self.waitingPage(for: route.backend) { return .answer(page) }
        return .route(route, path: path, notes)
    }

    func secret(inPathOf head: RequestHead, _ bytes: Span<UInt8>, from visitor: Visitor) -> Range<Int>? { PathToken.segment(in: head, bytes) }

    // MARK: Hosts and paths

    /// Whether the host is the cluster's name or below it, whatever its port.
    func serves(_ head: RequestHead, _ bytes: Span<UInt8>) -> Bool {
        let host = head.hostName
        let start = host.upperBound - self.domainLength
        guard start >= host.lowerBound, start == host.lowerBound || bytes[start - 1] == UInt8(ascii: ".") else { return false }
        for offset in 0..<self.domainLength where bytes[start + offset].lowercased != self.cluster[offset] { return false }
        return true
    }

    private func isBelowCluster(_ head: RequestHead, _ bytes: Span<UInt8>) -> Bool {
        self.subdomain(of: self.hostWithoutDefaultPort(head, bytes), bytes).map { !$0.isEmpty } ?? false
    }

    private static func withoutQuery(_ bytes: Span<UInt8>, _ path: Range<Int>) -> Range<Int> {
        path.lowerBound..<(bytes.firstIndex(of: .questionMark, in: path) ?? path.upperBound)
    }

    private static func copy(_ bytes: Span<UInt8>, _ range: Range<Int>) -> [UInt8] { range.map { bytes[$0] } }

    private static func isEqual(_ bytes: Span<UInt8>, _ range: Range<Int>, _ text: String) -> Bool {
        guard range.count == text.utf8.count else { return false }
        return zip(range, text.utf8).allSatisfy { bytes[$0].lowercased == $1.lowercased }
    }

    private func hostWithoutDefaultPort(_ head: RequestHead, _ bytes: Span<UInt8>) -> Range<Int> {
        let end = head.host.upperBound - 4
        guard end > head.host.lowerBound, bytes.equals(end..<head.host.upperBound, uppercase: ":443") else { return head.host }
        return head.host.lowerBound..<end
    }

    /// The part of the host before the cluster's name: empty for that name itself, nil for any other host.
    private func subdomain(of host: Range<Int>, _ bytes: Span<UInt8>) -> Range<Int>? {
        guard host.count >= self.cluster.count else { return nil }
        let start = host.upperBound - self.cluster.count
        for offset in 0..<self.cluster.count where bytes[start + offset].lowercased != self.cluster[offset] { return nil }
        if start == host.lowerBound { return start..<start }
        guard bytes[start - 1] == UInt8(ascii: "."), start - 1 > host.lowerBound else { return nil }
        return host.lowerBound..<(start - 1)
    }

    /// The backend whose name is the host; nil if there is none.
    private func route(named head: RequestHead, _ bytes: Span<UInt8>) -> TierRoute? {
        let host = head.hostName
        let labelEnd = host.upperBound - self.domainLength - 1
        guard labelEnd > host.lowerBound, labelEnd - host.lowerBound <= 63, bytes[labelEnd] == UInt8(ascii: ".") else { return nil }
        for offset in 0..<self.domainLength where bytes[labelEnd + 1 + offset].lowercased != self.cluster[offset] { return nil }
        let label = host.lowerBound..<labelEnd
        if let known = self.named.find(bytes, label), !known.backend.isDetached { return known }
        let name = Self.copy(bytes, label).map(\.lowercased)
        let text = String(decoding: name, as: UTF8.self)
        let backend = self.backend(text, isAwaited: false)
        guard !backend.isDetached else { return nil }
        let route = TierRoute(backend, of: self.number, token: nil, fields: HopField.line(.unchecked, backend: text, secret: self.options.hopSecret))
        if self.named.count >= Self.routeLimit { self.named.removeAll() }
        self.named.insert(route, for: Self.copy(bytes, label), size: label.count + route.fields.count)
        return route
    }

    // MARK: Backends

    /// The backend as it is known now. One that is unknown or has ended is not remembered.
    ///
    /// Its place is asked for once: another thread changes it at any moment, and who waits for a backend that is not remembered would not be told of that.
    ///
    /// - Parameter isAwaited: Whether one that nobody has heard of yet is likely to be known soon: gateways write a token when a drone has taken its backend,
    ///   and that may be known here a moment later.
    private func backend(_ name: String, isAwaited: Bool) -> TierBackend {
        if let known = self.backends[name] { return known }
        let place = self.directory.fleet.place(of: name)
        let backend = TierBackend(name: name, serverField: self.serverField, place: place, endpoint: self.endpoint(of: place))
        switch place {
        case .starting, .ready, .unreachable: self.backends[name] = backend
        case .unknown where isAwaited: self.expect(backend)
        case .unknown, .ended: backend.isDetached = true
        }
        return backend
    }

    /// Remembers the backend for as long as a young token may be known sooner than it.
    private func expect(_ backend: TierBackend) {
        backend.isAwaited = true
        self.backends[backend.name] = backend
        let bound = NIOLoopBound((self, backend), eventLoop: self.host.eventLoop)
        self.host.eventLoop.scheduleTask(in: TokenExpiry.youth) {
            let (policy, backend) = bound.value
            policy.giveUp(backend)
        }
    }

    private func giveUp(_ backend: TierBackend) {
        guard backend.isAwaited else { return }
        backend.isAwaited = false
        backend.isDetached = true
        self.backends[backend.name] = nil
        self.host.routeChanged(backend.name, exists: true)
    }

    /// Connections are to a drone's proxy, which keeps its backends apart, so all backends of a drone share them.
    private func endpoint(of place: BackendLocation) -> UpstreamPool? {
        guard case .ready(let address) = place else { return nil }
        if let known = self.endpoints[address] { return known }
        for unused in self.endpoints.makeRoom(inUse: { Set(self.backends.values.compactMap { $0.endpoint?.address }) }) { unused.retire() }
        let endpoint = self.host.makeEndpoint(address, tls: self.options.hopTLS)
        self.endpoints[address] = endpoint
        return endpoint
    }

    /// - Parameter done: Called when all has been done, at once or later.
    func changed(_ change: TierChange, _ done: @escaping @Sendable (_ requests: Int) -> Void) {
        switch change {
        case .backends(let names):
            for name in names { self.backendChanged(name) }
            done(0)
        case .revoked(let revocation): self.revoke(revocation, done)
        case .counted:
            var count = 0
            self.host.endRequests { route in
                if self.own(route) != nil { count += 1 }
                return false
            }
            done(count)
        }
    }

    private func backendChanged(_ name: String) {
        guard let backend = self.backends[name] else { return }
        let place = self.directory.fleet.place(of: name)
        guard place != backend.place else { return }
        if case .ready = place, let since = backend.startingSince { self.pageHolds.usualStart.note(.now() - since) }
        backend.startingSince = place == .starting ? backend.startingSince ?? .now() : nil
        backend.place = place
        backend.isAwaited = false
        backend.endpoint = self.endpoint(of: place)
        switch place {
        case .unknown, .ended:
            backend.isDetached = true
            self.backends[name] = nil
        case .starting, .ready, .unreachable: break
        }
        // Requests that wait are resolved again, and answered by the new place.
        self.host.routeChanged(name, exists: true)
    }

    // MARK: Tokens

    func lookUp(_ name: String, anew: Bool) {
        let (loop, bound) = (self.host.eventLoop, NIOLoopBound(self, eventLoop: self.host.eventLoop))
        guard let digest = name.split(separator: ":").last.flatMap({ TokenDigest(hexadecimal: String($0)) }) else {
            preconditionFailure("only tokens are looked up")
        }
        self.directory.resolve(digest, at: .now()) { answer in
            loop.execute { bound.value.found(digest, name, anew: anew, answer) }
        }
    }

    private func found(_ digest: TokenDigest, _ name: String, anew: Bool, _ answer: TierDirectory.Answer) {
        let route: TierRoute?
        if case .granted(let grant, let isYoung) = answer { route = self.makeRoute(digest, grant, isYoung: isYoung) } else { route = nil }
        self.lookedUp = (digest, route)
        if case .unavailable = answer {
            self.host.lookedUp(name, anew: anew, .failed)
        } else {
            self.host.lookedUp(name, anew: anew, .answered)
        }
        self.lookedUp = nil
    }

    /// Nil for a token that has been revoked, or whose key nobody holds.
    func makeRoute(_ digest: TokenDigest, _ grant: TokenGrant, isYoung: Bool) -> TierRoute? {
        let name: String
        switch grant.target {
        case .backend(let backend): name = backend
        case .holder(let lock):
            guard let holder = self.directory.fleet.holder(of: lock) else { return nil }
            name = holder
        }
        let ownership = TokenOwnership(digest, grant)
        // Taken first: what is revoked meanwhile is looked at again.
        let revocationNumber = self.directory.revocationNumber
        guard !self.directory.isRevoked(grant, ownership, at: name) else { return nil }
        let route = TierRoute(
            self.backend(name, isAwaited: isYoung), of: self.number,
            token: TierRoute.Token(digest: digest, grant: grant, ownership: ownership),
            fields: VisitorFields.lines(for: grant, of: name, secret: self.options.hopSecret))
        route.validUntil = min(grant.lifetime.map { .now() + $0 } ?? .distantFuture, grant.expires ?? .distantFuture)
        route.revocationNumber = revocationNumber
        return route
    }

    private enum Verified { case route(TierRoute), none, notYet }

    private func verify(_ text: [UInt8], _ digest: TokenDigest, at now: NIODeadline) -> Verified {
        let seconds = Self.secondsSince1970()
        guard let claims = try? SignedToken.verify(text, with: self.options.tokenKeys, for: self.options.cluster, at: seconds) else { return .none }
        // Before all revocations are known, nobody can say that it is good.
        guard self.directory.fleet.isCurrent else { return .notYet }
        let grant = TokenGrant(claims, at: now, seconds)
        let isYoung = seconds - claims.issued < TokenExpiry.youth.nanoseconds / 1_000_000_000
        if let route = self.makeRoute(digest, grant, isYoung: isYoung) { return .route(route) }
        // Its backend may be known here a moment after the token.
        if isYoung, case .holder(let lock) = grant.target, self.directory.fleet.holder(of: lock) == nil { return .notYet }
        return .none
    }

    private static func secondsSince1970() -> Int64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec)
    }

    /// The token lives for its lifetime from now on.
    func use(_ route: TierRoute, at now: NIODeadline) {
        guard let token = route.token else { return }
        if let expires = token.grant.expires { self.endWhenExpired(at: expires) }
        guard let lifetime = token.grant.lifetime else { return }
        route.validUntil = min(now + lifetime, token.grant.expires ?? .distantFuture)
        guard now >= route.nextUse else { return }
        route.nextUse = now + .nanoseconds(lifetime.nanoseconds / 8)
        self.directory.used(token.digest, at: now)
    }

    /// Extends the lives of the tokens of all open requests.
    private func useOpen() {
        let now = NIODeadline.now()
        self.host.endRequests { route in
            if let route = self.own(route) { self.use(route, at: now) }
            return false
        }
    }

    /// What the engine carries may be another cluster's.
    func own(_ route: any ProxyRoute) -> TierRoute? {
        guard let route = route as? TierRoute, route.number == self.number else { return nil }
        return route
    }

    // MARK: Select

    func selectEndpoint(of route: TierRoute, attempt: Int) -> Selection {
        switch route.backend.place {
        case .ready: if let endpoint = route.backend.endpoint { .endpoint(endpoint) } else { .answer(Self.withoutText(Self.gone)) }
        case .starting: .hold
        case .unknown where route.backend.isAwaited: .hold
        case .unknown, .unreachable, .ended: .answer(Self.withoutText(self.answer(for: route.backend)))
        }
    }

    // MARK: Rewrite

    func rewriteRequest(
        _ head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, _ notes: RequestNotes, for route: TierRoute,
        to endpoint: UpstreamPool, from visitor: Visitor
    ) -> RequestRewriting {
        var rewriting = RequestRewriting()
        rewriting.addsFields = true
        if visitor.isProxy {
            // The proxy of a drone has taken out what visitors may not say, and has said who they are.
            rewriting.hiddenPrefix = HopField.prefix
            rewriting.forwarding = .kept
        } else {
            rewriting.hiddenPrefix = VisitorFields.prefix
        }
        return rewriting
    }

    func addRequestFields(
        _ head: RequestHead, _ bytes: Span<UInt8>, for route: TierRoute, to endpoint: UpstreamPool, from visitor: Visitor, into out: inout ByteBuffer
    ) {
        out.writeBytes(route.fields)
        guard route.token != nil else { return }
        out.writeStaticString("x-verified-path: ")
        out.writeBytes(bytes.extracting(Self.withoutQuery(bytes, head.path)).bytes)
        out.writeStaticString("\r\n")
    }

    func rewriteResponse(
        _ head: ResponseHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, _ notes: RequestNotes, of route: TierRoute, to visitor: Visitor
    ) -> ResponseRewriting {
        var rewriting = ResponseRewriting()
        // The response of a backend that was asked for by its name is rewritten by the drone's proxy.
        guard route.token != nil, !head.isInterim else { return rewriting }
        rewriting.hiddenField = "server"
        rewriting.addsFields = true
        if head.setsCookies, notes.contains(Notes.isBelowCluster) {
            rewriting.cookieRules = SetCookieRules(clusterSuffix: [UInt8(ascii: ".")] + self.cluster.prefix(self.domainLength))
        }
        return rewriting
    }

    func addResponseFields(
        _ head: ResponseHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, of route: TierRoute, to visitor: Visitor, into out: inout ByteBuffer
    ) {
        out.writeBytes(route.backend.responseFields)
        let saysItself = fields.contains { field in
            bytes.equals(field.name, lowercase: "access-control-allow-origin") || bytes.equals(field.name, lowercase: "access-control-allow-methods")
                || bytes.equals(field.name, lowercase: "access-control-allow-headers")
        }
        if !saysItself { out.writeBytes(self.anyOrigin) }
    }

    // MARK: Answers

    func addAnswerFields(status: ProxyStatus, to visitor: Visitor, into out: inout ByteBuffer) {
        out.writeBytes(self.serverField)
        out.writeBytes(self.anyOrigin)
    }
}

/// Held by timers, which may outlive the policy.
private struct WeakTierPolicy {
    weak var policy: TierPolicy?
}

extension RefusalReason {
    /// The path has no first segment, so there is no token.
    static let noToken = RefusalReason(label: "no_token")
    /// The token is unknown, or its backend has ended.
    static let tokenUnknown = RefusalReason(label: "token_unknown")
    static let foreignHost = RefusalReason(label: "foreign_host")
    /// The drone's proxy has no listener for the tier.
    static let droneUnreachable = RefusalReason(label: "drone_unreachable")

    /// It came to the drones' listener without their secret.
    static let notOfDrone = RefusalReason(label: "not_of_drone")
    static let unknownBackend = RefusalReason(label: "unknown_backend")

    static let tiers = [noToken, tokenUnknown, foreignHost, droneUnreachable, notOfDrone, unknownBackend]
}
