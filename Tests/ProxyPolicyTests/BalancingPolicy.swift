import NIOCore
import ProxyCore
import Synchronization

/// A policy with several endpoints for a name: it goes round, marks dead what fails, and tries another while nothing has been sent. What a
/// name means is asked for on another thread, as from a server, and remembered.
final class BalancingPolicy: ProxyPolicy {
    final class Route: ProxyRoute {
        struct Endpoint {
            let pool: UpstreamPool
            var isDead = false
        }

        let name: String
        let activity: ActivityCounter? = nil
        fileprivate(set) var endpoints: [Endpoint]
        fileprivate var turn = 0

        init(name: String, endpoints: [Endpoint]) {
            self.name = name
            self.endpoints = endpoints
        }
    }

    private let host: PolicyHost
    private let table: BalancingTable
    private var routes: [String: Route] = [:]

    init(host: PolicyHost, table: BalancingTable) {
        self.host = host
        self.table = table
    }

    func resolve(
        _ head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, from visitor: Visitor, after lookup: LookupOutcome?,
        at now: NIODeadline
    ) -> Resolution {
        let name = bytes.text(head.hostName)
        if let route = self.routes[name] { return .route(route, path: head.path, []) }
        switch lookup {
        case nil: return .wait(forLookupOf: name)
        case .answered: return .answer(ProxyAnswer(.badRequest, "no such route", refusal: nil))
        case .failed: return .fail(.proxy(.routesUnavailable))
        }
    }

    func lookUp(_ name: String, anew: Bool) {
        let bound = NIOLoopBound(self, eventLoop: self.host.eventLoop)
        let (loop, table) = (self.host.eventLoop, self.table)
        Task {  // ends by itself; the requests that wait for it have a deadline
            let addresses = await table.addresses(of: name)
            loop.execute { bound.value.found(name, anew: anew, addresses) }
        }
    }

    private func found(_ name: String, anew: Bool, _ addresses: Result<[SocketAddress], any Error>) {
        switch addresses {
        case .success(let addresses):
            if !addresses.isEmpty {
                let endpoints = addresses.map { Route.Endpoint(pool: self.host.makeEndpoint($0, tls: self.table.tls)) }
                self.routes[name] = Route(name: name, endpoints: endpoints)
            }
            self.host.lookedUp(name, anew: anew, .answered)
        case .failure:
            self.host.lookedUp(name, anew: anew, .failed)
        }
    }

    func selectEndpoint(of route: Route, attempt: Int) -> Selection {
        for offset in route.endpoints.indices {
            let index = (route.turn + offset) % route.endpoints.count
            if route.endpoints[index].isDead { continue }
            route.turn = index + 1
            return .endpoint(route.endpoints[index].pool)
        }
        return .answer(ProxyAnswer(.badGateway, "all backends are dead", refusal: nil))
    }

    func rewriteRequest(
        _ head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, _ notes: RequestNotes, for route: Route,
        to endpoint: UpstreamPool, from visitor: Visitor
    ) -> RequestRewriting {
        var rewriting = RequestRewriting()
        rewriting.forwarding = .extended
        rewriting.host = Array("backend-\(endpoint.address.port ?? 0)".utf8)
        return rewriting
    }

    func recover(from attempt: FailedAttempt, of route: Route, at endpoint: UpstreamPool) -> Recovery {
        self.table.note(attempt)
        switch attempt.failure {
        case .refusedConnection, .connectTimedOut, .unreachable:
            for index in route.endpoints.indices where route.endpoints[index].pool === endpoint { route.endpoints[index].isDead = true }
            return .selectAgain
        default:
            return .giveUp
        }
    }

    func answer(to failure: RequestFailure, _ notes: RequestNotes, on route: Route?) -> ProxyAnswer {
        switch failure {
        case .visitor: ProxyAnswer(failure)
        case .upstream, .proxy: ProxyAnswer(.badGateway, "", refusal: nil)
        }
    }

    func ended(_ request: EndedRequest, on route: Route?) {
        self.table.note(request)
    }
}

/// What all event loops share: the table, and what a test wants to know.
final class BalancingTable: ProxyPolicySource {
    struct Unreadable: Error {}

    private struct State {
        var addresses: [String: [SocketAddress]] = [:]
        var isUnreadable = false
        var failed: [FailedAttempt] = []
        var ended: [EndedRequest] = []
    }

    private let state = Mutex(State())
    /// How endpoints are spoken to; nil does so in the clear.
    let tls: UpstreamTLS?

    init(tls: UpstreamTLS? = nil) {
        self.tls = tls
    }

    func makePolicy(for host: PolicyHost) -> any ProxyPolicy { BalancingPolicy(host: host, table: self) }

    func shutDown() async throws {}

    func set(_ name: String, _ addresses: [SocketAddress]) {
        self.state.withLock { $0.addresses[name] = addresses }
    }

    func makeUnreadable() {
        self.state.withLock { $0.isUnreadable = true }
    }

    fileprivate func addresses(of name: String) async -> Result<[SocketAddress], any Error> {
        self.state.withLock { $0.isUnreadable ? .failure(Unreadable()) : .success($0.addresses[name] ?? []) }
    }

    fileprivate func note(_ attempt: FailedAttempt) {
        self.state.withLock { $0.failed.append(attempt) }
    }

    fileprivate func note(_ request: EndedRequest) {
        self.state.withLock { $0.ended.append(request) }
    }

    var failed: [FailedAttempt] { self.state.withLock { $0.failed } }

    var ended: [EndedRequest] { self.state.withLock { $0.ended } }
}
