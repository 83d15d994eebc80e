import Crypto
import GatewayCore
import GatewayHTTPConfiguration
import HTTPTypes
import Logging
import LogKeys
import NATS
import NetworkAddresses
import PlaneClient
import PlaneMessaging
import PlaneProtocol
import PlaneService
import Synchronization

/// Answers requests for the interface of Plane 0.5, for our additions to it, and for the page.
///
/// It checks, in this order: preflight requests of browsers, who the caller is (by another server or a token), how often the caller has asked, and what is
/// asked for. Before another server is asked about callers, their addresses are counted, and so are those of callers who are refused.
final class GatewayResponder: Sendable {
    let fleet: Fleet
    let configuration: GatewayConfiguration
    let tokens: TokenWriter
    private let forwardAuth: ForwardAuth?
    let callers: CallerCheck
    private let limiter: CallLimiter?
    let page: PageResponder
    private let metrics = GatewayMetrics()
    private let ignored = IgnoredKeyLog<Caller>()
    private let logger: Logger
    /// Base of the URLs of statuses, from `status_url`; nil uses each request's Host.
    private let base: String?

    init(fleet: Fleet, configuration: GatewayConfiguration, logger: Logger) {
        self.fleet = fleet
        self.configuration = configuration
        self.tokens = TokenWriter(
            jetStream: fleet.client.bus.connection.jetStream, memory: fleet.memory, configuration: configuration, logger: logger)
        self.forwardAuth = configuration.forwardAuth.map { ForwardAuth(target: $0) }
        self.callers = CallerCheck(configuration.tokens)
        self.limiter = configuration.limits.map { CallLimiter(RateLimiter(perSecond: $0.requestsPerSecond, burst: $0.burst)) }
        self.page = PageResponder(fleet: fleet, callers: self.callers, tokens: self.tokens)
        self.logger = logger
        let isWildcard = configuration.bindIP == .v4(0) || configuration.bindIP.description == "::"
        let host = configuration.bindIP.description.contains(":") ? "[\(configuration.bindIP)]" : "\(configuration.bindIP)"
        self.base =
            configuration.url.flatMap { PublicAddress.base($0) } ?? (isWildcard || configuration.port == 0 ? nil : "http://\(host):\(configuration.port)")
    }

    /// Logs keys of a request to connect that mean nothing, once for each caller.
    func noteIgnored(_ keys: [String], of caller: Caller) {
        guard self.ignored.isNews(keys, of: caller) else { return }
        self.logger.notice(
            "keys of requests to connect mean nothing here, and are ignored",
            metadata: [LogKey.keys: "\(keys.joined(separator: ", "))", LogKey.requester: "\(caller.name ?? "unknown")"])
    }

    func shutDown() async { await self.forwardAuth?.shutDown() }

    func respond(to request: IncomingRequest) async -> Reply {
        var reply = await self.answer(request, since: .now)
        if CrossOrigin.applies(to: request.path) { CrossOrigin.allow(&reply) }
        return reply
    }

    /// Base of the URLs in the answer.
    func statusBase(_ request: IncomingRequest) -> String {
        if let base = self.base { return base }
        // The client gets its own Host field back in a URL, so it must be nothing but a host.
        let host = request.host ?? ""
        let isHost =
            !host.isEmpty && host.utf8.count <= 255
            && host.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
                    UInt8(ascii: "."), UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
        return "http://\(isHost ? host : "localhost")"
    }

    // MARK: Phases

    private func answer(_ request: IncomingRequest, since start: ContinuousClock.Instant) async -> Reply {
        var (route, caller): (Route?, Caller) = (nil, .anybody)
        var reply: Reply
        do throws(GatewayError) {
            if let early = try await self.judge(request) {
                reply = early
            } else {
                switch RouteTable.match(method: request.method, path: request.path) {
                case .notFound: reply = Reply(status: 404)
                case .methodNotAllowed(let methods):
                    reply = Reply(status: 405)
                    reply.fields[.allow] = methods.joined(separator: ",")
                case .route(let found):
                    route = found
                    caller = try self.caller(of: request, for: found)
                    reply = try await self.carryOut(found, request, caller)
                    // A form with a token that is none: its refusal is a page.
                    if found == .pageLogin, reply.status == 401 {
                        let refusal = GatewayError(status: 401, text: "Unauthorized")
                        let told = self.refused(refusal, request)
                        if told != refusal { throw told }
                    }
                }
            }
        } catch {
            reply = self.refusal(error, request)
            if route == .page, error.status == 401 { reply = self.page.login() }
        }
        self.metrics.answered(route, status: reply.status, after: .now - start)
        if let route, route.changes, self.configuration.audits { self.audit(request, route, caller, reply, after: .now - start) }
        return reply
    }

    /// The checks that do not depend on the route.
    private func judge(_ request: IncomingRequest) async throws(GatewayError) -> Reply? {
        if CrossOrigin.applies(to: request.path), request.method == "OPTIONS" {
            return RouteTable.match(method: "GET", path: request.path) == .notFound ? Reply(status: 404) : CrossOrigin.preflight
        }
        guard let forwardAuth = self.forwardAuth else { return nil }
        let isControl = request.path == "/ctrl" || request.path.hasPrefix("/ctrl/")
        guard isControl || request.path == "/" || request.path.hasPrefix("/page/") else { return nil }
        try self.limit(.address(request.peer))
        try await forwardAuth.check(request, path: isControl ? String(request.path.dropFirst("/ctrl".count)) : request.path)
        return nil
    }

    private func caller(of request: IncomingRequest, for route: Route) throws(GatewayError) -> Caller {
        switch route {
        case .pageStyle, .pageScript, .pageLogin, .pageLogout: return .anybody
        default: if route.audience == .everybody { return .anybody }
        }
        let caller: Caller
        do throws(GatewayError) {
            caller = try self.callers.caller(of: request, acceptsCookie: route.audience == .page)
        } catch {
            throw self.refused(error, request)
        }
        if let name = caller.name {
            try self.limit(.token(name))
        } else if self.forwardAuth == nil {
            try self.limit(.address(request.peer))
        }
        return caller
    }

    /// Counts a caller who has no valid token.
    ///
    /// Those with one are not refused for what others do at the same address: behind a proxy all have one.
    /// - Returns: what the caller is told.
    func refused(_ refusal: GatewayError, _ request: IncomingRequest) -> GatewayError {
        do throws(GatewayError) {
            try self.limit(.address(request.peer))
            return refusal
        } catch {
            return error
        }
    }

    private func limit(_ caller: CallLimiter.Caller) throws(GatewayError) {
        guard let limiter = self.limiter, let seconds = limiter.refusal(of: caller) else { return }
        throw GatewayError(status: 429, text: "Too many requests.", retryAfterSeconds: seconds)
    }

    private func refusal(_ failure: GatewayError, _ request: IncomingRequest) -> Reply {
        var generator = SystemRandomNumberGenerator()
        let id = RandomName.text(using: &generator)
        if let cause = failure.internalCause {
            self.logger.warning(
                "request failed", metadata: [LogKey.request: "\(id)", LogKey.path: "\(request.path.prefix(200))", LogKey.error: "\(cause)"])
        }
        var reply = Reply(failure, id: id)
        if failure.status == 401 { reply.set("www-authenticate", "Bearer") }
        return reply
    }

    private func audit(_ request: IncomingRequest, _ route: Route, _ caller: Caller, _ reply: Reply, after duration: Duration) {
        var metadata: Logger.Metadata = [
            LogKey.call: "\(route.name)", LogKey.status: "\(reply.status)", LogKey.peer: "\(request.peer)", LogKey.duration: "\(duration.milliseconds)",
        ]
        if let name = caller.name { metadata[LogKey.caller] = "\(name)" }
        if let backend = reply.backend ?? route.backend { metadata[LogKey.backend] = "\(backend)" }
        if let drone = route.drone { metadata[LogKey.drone] = "\(drone)" }
        if let id = reply.errorID { metadata[LogKey.request] = "\(id)" }
        self.logger.info("control call", metadata: metadata)
    }
}

/// The rate limiter, shared by all connections.
final class CallLimiter: Sendable {
    /// Whose calls are counted together.
    enum Caller {
        /// The token with this name.
        case token(String)
        /// The IP address of those without a token.
        case address(String)

        /// No token has an address as its name in here.
        fileprivate var key: String {
            switch self {
            case .token(let name): "token \(name)"
            case .address(let address): address
            }
        }
    }

    private let state: Mutex<RateLimiter>

    init(_ limiter: RateLimiter) { self.state = Mutex(limiter) }

    func refusal(of caller: Caller) -> Int? { self.state.withLock { $0.refusal(of: caller.key, at: .now) } }
}
