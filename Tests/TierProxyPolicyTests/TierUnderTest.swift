import EpollTransport
import Logging
import Metrics
import NIOCore
import PlaneProtocol
import PlaneTestSupport
import ProxyCore
import Synchronization
import TierHop
import VisitorTokens

@testable import TierProxyPolicy

/// What a test's tier knows of the system it stands before.
final class FakeFleet: TierFleet {
    private struct State {
        var places: [String: BackendLocation] = [:]
        /// Where backends are as soon as somebody has asked once.
        var laterPlaces: [String: BackendLocation] = [:]
        var holders: [LockName: String] = [:]
        var tokens: [TokenDigest: FetchedToken] = [:]
        var isCurrent = true
        var isAway = false
        var fetchCount = 0
        var used: [TokenDigest] = []
    }

    private let state = Mutex(State())

    func place(of backend: String) -> BackendLocation {
        self.state.withLock { state in
            defer { if let later = state.laterPlaces.removeValue(forKey: backend) { state.places[backend] = later } }
            return state.places[backend] ?? .unknown
        }
    }

    /// The backend is there as soon as somebody has asked for it once.
    func setAfterNextLook(_ backend: String, _ place: BackendLocation) { self.state.withLock { $0.laterPlaces[backend] = place } }

    func hasBeenLookedFor(_ backend: String) -> Bool { self.state.withLock { $0.laterPlaces[backend] == nil } }

    var isCurrent: Bool { self.state.withLock { $0.isCurrent } }

    func holder(of lock: LockName) -> String? { self.state.withLock { $0.holders[lock] } }

    func setHolder(of lock: LockName, _ backend: String) { self.state.withLock { $0.holders[lock] = backend } }

    func setCurrent(_ isCurrent: Bool) { self.state.withLock { $0.isCurrent = isCurrent } }

    /// Nobody can be asked about tokens.
    func goAway() { self.state.withLock { $0.isAway = true } }

    func fetch(_ token: TokenDigest, _ completion: @escaping @Sendable (FetchedToken) -> Void) {
        let answer: FetchedToken = self.state.withLock { state in
            state.fetchCount += 1
            return state.isAway ? .unavailable : state.tokens[token] ?? .none
        }
        completion(answer)
    }

    var fetchCount: Int { self.state.withLock { $0.fetchCount } }

    func reportUse(of token: TokenDigest) { self.state.withLock { $0.used.append(token) } }

    var useCount: Int { self.state.withLock { $0.used.count } }

    func put(_ token: String, _ grant: TokenGrant, age: TimeAmount = .zero) {
        self.state.withLock { $0.tokens[TokenDigest(of: token.utf8)] = .granted(grant, age: age) }
    }

    /// The stream of tokens was deleted and made anew: nothing is in it.
    func forgetTokens() { self.state.withLock { $0.tokens = [:] } }

    func set(_ backend: String, _ place: BackendLocation) { self.state.withLock { $0.places[backend] = place } }
}

struct TierUnderTest: Sendable {
    let port: UInt16
    /// For proxies of drones.
    let innerPort: UInt16
    let fleet: FakeFleet
    let directory: TierDirectory
    /// Stands in for the proxy of the drone that backend `b-1` is on.
    let drone: TestBackend
    /// Of the cluster `other.test`, where there is one.
    let otherFleet: FakeFleet

    static let secret = "0123456789abcdef0123456789abcdef"
    static let token = "0123456789abcdefghijklmnopqrstuvwxyzABCDE-_"
    static let other = "zzz3456789abcdefghijklmnopqrstuvwxyzABCDE-_"
    static let fixed = "s.0123456789abcdefghijklmnopqrstuvwxyzABCDE-_"

    func connect() throws -> TestPeer { try TestPeer.connect(port: self.port) }

    /// One request, and the whole answer of the tier's own.
    func ask(_ path: String, host: String = "plane.test", fields: String = "") async throws -> String {
        let client = try self.connect()
        try await client.send("GET \(path) HTTP/1.1\r\nHost: \(host)\r\n\(fields)Connection: close\r\n\r\n")
        return try await client.receiveToEnd()
    }

    /// One request, as the drone's proxy gets it, and the response.
    func exchange(
        _ path: String, host: String = "plane.test", fields: String = "", response: String = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    ) async throws -> (request: String, response: String) {
        let answering = self.drone.answerOnce(response)
        let client = try self.connect()
        try await client.send("GET \(path) HTTP/1.1\r\nHost: \(host)\r\n\(fields)\r\n")
        let received = try await client.receiveMessage()
        return (try await answering.value.request, received)
    }

    /// A WebSocket through the tier, and the end of it that is behind the tier.
    func openWebSocket(_ token: String) async throws -> (visitor: TestPeer, drone: TestPeer) {
        let answering = self.drone.answerOnce("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        let visitor = try self.connect()
        try await visitor.send(
            "GET /\(token)/ HTTP/1.1\r\nHost: plane.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        let answer = try await visitor.receive(until: "\r\n\r\n")
        guard answer.hasPrefix("HTTP/1.1 101 ") else { throw TestPeer.Failure(description: answer) }
        return (visitor, try await answering.value.peer)
    }

    func set(_ backend: String, _ place: BackendLocation) {
        self.fleet.set(backend, place)
        self.directory.apply(.backends([backend]))
    }
}

/// A tier for the cluster `plane.test` with one ready backend, `b-1`, for which `TierUnderTest.token` is.
///
/// - Parameter servesOther: It is that of the cluster `other.test` too, of which nothing is known yet.
func withTier(
    grant: TokenGrant = TokenGrant(backend: "b-1", sequence: 1), servesOther: Bool = false, _ configure: (inout TierProxyOptions) -> Void = { _ in },
    _ body: (TierUnderTest) async throws -> Void
) async throws {
    let (fleet, otherFleet) = (FakeFleet(), FakeFleet())
    let drone = try TestBackend()
    fleet.set("b-1", .ready(try drone.socketAddress()))
    fleet.put(TierUnderTest.token, grant)
    let directory = TierDirectory(fleet)
    guard let secret = HopSecret(Secret(TierUnderTest.secret)), let name = ClusterName(rawValue: "plane.test"), let other = ClusterName(rawValue: "other.test")
    else { preconditionFailure("the secret is long enough, and the names are some") }
    var options = TierProxyOptions(cluster: name, hopSecret: secret, serverName: "Plane/1-abc")
    configure(&options)
    var clusters = [TierPolicySource.Cluster(options, directory)]
    if servesOther {
        clusters.append(
            TierPolicySource.Cluster(TierProxyOptions(cluster: other, hopSecret: secret, serverName: "Plane/1-abc"), TierDirectory(otherFleet)))
    }
    let group = EpollEventLoopGroup(threads: 1)
    let server = try await ProxyServer(
        options: options.engine, policies: TierPolicySource(clusters), activity: NoActivity(), group: group,
        metrics: NOOPMetricsHandler.instance, logger: Logger(label: "tier-under-test"))
    var inner = ProxyListener(.http)
    inner.isInner = true
    var listeners: [OpenListener] = []
    for listener in [ProxyListener(.http), inner] {
        let socket = try ListeningSocket(listeningOn: try SocketAddress(ipAddress: "127.0.0.1", port: 0))
        listeners.append(try await server.listen(listener, on: socket))
        socket.close()
    }
    let ports = listeners.map { UInt16($0.address.port ?? 0) }
    let result: Result<Void, any Error>
    do {
        result = .success(
            try await body(
                TierUnderTest(port: ports[0], innerPort: ports[1], fleet: fleet, directory: directory, drone: drone, otherFleet: otherFleet)))
    } catch {
        result = .failure(error)
    }
    for listener in listeners { await listener.close() }
    try await server.shutDown(within: .milliseconds(100))
    try await group.shutdownGracefully()
    try result.get()
}

private struct NoActivity: ActivitySink {
    func recordActivity(_ backends: [BackendActivity], at seconds: Int64) throws {}
}

extension TokenGrant {
    init(
        backend: String, user: String? = nil, userData: String = "{}", secret: Secret? = nil, subdomain: String? = nil, isStatic: Bool = false,
        lifetime: TimeAmount? = nil, expires: NIODeadline? = nil, stream: UInt64 = 1, sequence: UInt64
    ) {
        self.init(
            .backend(backend), user: user, userData: userData, secret: secret, subdomain: subdomain, isStatic: isStatic, lifetime: lifetime,
            expires: expires, generation: TokenGeneration(stream: stream, sequence: sequence))
    }
}

extension TierRevocation {
    init(_ scope: Scope, stream: UInt64 = 1, sequence: UInt64, time: Int64 = 0) {
        self.init(scope, Mark(TokenGeneration(stream: stream, sequence: sequence), time: time))
    }
}
