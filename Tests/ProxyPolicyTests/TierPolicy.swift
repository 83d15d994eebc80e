import NIOCore
import NIOPosix
import ProxyCore
import Synchronization

/// A tier before other proxies: the first segment of a path is a token, which says where the next proxy is and what that has to be told. What
/// tokens mean is pushed.
final class TierPolicy: ProxyPolicy {
    final class Route: ProxyRoute {
        let name: String
        let activity: ActivityCounter? = nil
        let value: TierRoutes.Value
        let endpoint: UpstreamPool?
        /// What the next proxy gets besides, the visitor's own left out.
        let fields: [UInt8]

        init(token: String, _ value: TierRoutes.Value, endpoint: UpstreamPool?) {
            self.name = token
            self.value = value
            self.endpoint = endpoint
            self.fields = Array("Authorization: Bearer \(value.secret)\r\nX-Tier-Backend: \(value.backend)\r\nX-Visitor: ".utf8)
        }
    }

    private let host: PolicyHost
    private let directory: RouteDirectory<TierRoutes.Value>
    private var routes: [String: Route] = [:]

    init(host: PolicyHost, directory: RouteDirectory<TierRoutes.Value>) {
        self.host = host
        self.directory = directory
    }

    func resolve(
        _ head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, from visitor: Visitor, after lookup: LookupOutcome?,
        at now: NIODeadline
    ) -> Resolution {
        let start = min(head.path.lowerBound + 1, head.path.upperBound)
        let end = bytes.firstIndex(of: .slash, in: start..<head.path.upperBound) ?? head.path.upperBound
        let token = bytes.text(start..<end)
        if let route = self.routes[token] { return .route(route, path: end..<head.path.upperBound, []) }
        return lookup == nil ? .wait(forLookupOf: token) : .answer(ProxyAnswer(.notFound, "", refusal: nil))
    }

    func lookUp(_ name: String, anew: Bool) {
        let bound = NIOLoopBound(self, eventLoop: self.host.eventLoop)
        let loop = self.host.eventLoop
        self.directory.resolve(name, rereading: anew) { result in
            loop.execute {
                if let value = try? result.get() { bound.value.store(name, value) }
                bound.value.host.lookedUp(name, anew: anew, .answered)
            }
        }
    }

    /// The directory has been pushed another value.
    func changed(_ token: String, _ value: TierRoutes.Value) {
        self.store(token, value)
        self.host.routeChanged(token, exists: value != .none)
    }

    private func store(_ token: String, _ value: TierRoutes.Value) {
        let before = self.routes[token]
        if before?.value == value { return }
        before?.endpoint?.retire()
        self.routes[token] = value == .none ? nil : Route(token: token, value, endpoint: value.address.map { self.host.makeEndpoint($0) })
    }

    func selectEndpoint(of route: Route, attempt: Int) -> Selection {
        if let endpoint = route.endpoint { .endpoint(endpoint) } else { .hold }
    }

    func rewriteRequest(
        _ head: RequestHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, _ notes: RequestNotes, for route: Route,
        to endpoint: UpstreamPool, from visitor: Visitor
    ) -> RequestRewriting {
        var rewriting = RequestRewriting()
        rewriting.host = Array("\(route.value.backend).plane.test".utf8)
        rewriting.hidesAuthorization = true
        rewriting.hiddenPrefix = "x-verified-"
        rewriting.addsFields = true
        return rewriting
    }

    func addRequestFields(
        _ head: RequestHead, _ bytes: Span<UInt8>, for route: Route, to endpoint: UpstreamPool, from visitor: Visitor, into out: inout ByteBuffer
    ) {
        out.writeBytes(route.fields)
        out.writeString(visitor.address?.description ?? "unknown")
        out.writeStaticString("\r\n")
    }

    func rewriteResponse(
        _ head: ResponseHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, _ notes: RequestNotes, of route: Route, to visitor: Visitor
    ) -> ResponseRewriting {
        var rewriting = ResponseRewriting()
        rewriting.hiddenField = "server"
        rewriting.addsFields = true
        return rewriting
    }

    func addResponseFields(
        _ head: ResponseHead, _ fields: [FieldTable.Field], _ bytes: Span<UInt8>, of route: Route, to visitor: Visitor, into out: inout ByteBuffer
    ) {
        out.writeString("Server: tier\r\nX-Backend-Id: \(route.value.backend)\r\n")
    }
}

/// What tokens mean, pushed to whoever follows.
final class TierRoutes: PushingRouteSource {
    struct Value: RouteValue {
        var backend = ""
        /// What the next proxy asks for.
        var secret = ""
        /// Of the next proxy; nil while there is none.
        var address: SocketAddress?

        static let none = Value()
    }

    private struct State {
        var values: [String: Value] = [:]
        var changed: (@Sendable ([String]) -> Void)?
        var readCount = 0
    }

    private let state = Mutex(State())

    func subscribe(_ changed: @escaping @Sendable ([String]) -> Void) {
        self.state.withLock { $0.changed = changed }
    }

    func route(_ name: String) throws -> Value {
        self.state.withLock { state in
            state.readCount += 1
            return state.values[name] ?? .none
        }
    }

    func set(_ token: String, _ value: Value) {
        let changed = self.state.withLock { state in
            state.values[token] = value
            return state.changed
        }
        changed?([token])
    }

    var readCount: Int { self.state.withLock { $0.readCount } }
}

struct TierPolicies: ProxyPolicySource {
    private let directory: RouteDirectory<TierRoutes.Value>
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    init(_ routes: TierRoutes) async throws {
        self.directory = try await RouteDirectory(following: routes, loop: self.group.next())
    }

    func makePolicy(for host: PolicyHost) -> any ProxyPolicy {
        let policy = TierPolicy(host: host, directory: self.directory)
        let (loop, bound) = (host.eventLoop, NIOLoopBound(policy, eventLoop: host.eventLoop))
        self.directory.listen { token, value in
            loop.execute { bound.value.changed(token, value) }
        }
        return policy
    }

    func shutDown() async throws { try await self.group.shutdownGracefully() }
}
