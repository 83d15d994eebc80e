import DroneProxyPolicy
import EpollTransport
import Logging
import Metrics
import NIOCore
import PlaneProtocol
import PlaneTestSupport
import ProxyCore

/// A proxy for the cluster `plane.test` on a free port, with routes and activity in memory.
struct ProxyUnderTest: Sendable {
    let port: UInt16
    let routes: FakeRoutes
    let activity: FakeActivity
    let server: ProxyServer
    let listener: OpenListener

    func connect(receiveBuffer: Int32? = nil) throws -> TestPeer {
        try TestPeer.connect(port: self.port, receiveBuffer: receiveBuffer)
    }

    /// Makes `name` ready at a new backend.
    func backend(_ name: String, token: Secret? = nil, receiveBuffer: CInt? = nil) throws -> TestBackend {
        let backend = try TestBackend(receiveBuffer: receiveBuffer)
        self.routes.set(name, .ready(try backend.socketAddress(), token: token))
        return backend
    }

    /// Sends the beginning of a head until that is answered 408. The time for a head runs from the connection's first moment, and one that is over
    /// before anything has come ends the connection without a word, which a busy machine may bring about.
    func beginsHead(_ beginning: String) async throws {
        try await eventually("a head that does not come to its end is 408") {
            let client = try self.connect()
            guard (try? await client.send(beginning)) != nil, let answer = try? await client.receiveToEnd() else { return false }
            return answer.hasPrefix("HTTP/1.1 408 ")
        }
    }

    /// Sends one request on a connection of its own and returns everything that comes back.
    func exchange(_ request: String) async throws -> String {
        let client = try self.connect()
        try await client.send(request)
        return try await client.receiveToEnd()
    }
}

/// Where a test does not say otherwise, its clients have minutes for what has a limit of seconds, for beside hundreds of other tests a test may be away
/// for that long between two of its steps.
///
/// - Parameter isShutDown: The test shuts the server down itself.
func withProxy<Result>(
    loops: Int = 1, isShutDown: Bool = false, address: String = "127.0.0.1", listener: ProxyListener = ProxyListener(.http),
    logger: Logger = Logger(label: "proxy-under-test"),
    metrics: any MetricsFactory = NOOPMetricsHandler.instance,
    _ configure: (inout DroneProxyOptions) throws -> Void = { _ in },
    _ body: (ProxyUnderTest) async throws -> Result
) async throws -> Result {
    var options = DroneProxyOptions(clusterName: "plane.test")
    options.limits.requestHead = .minutes(5)
    options.limits.hold = .minutes(5)
    try configure(&options)
    let routes = FakeRoutes()
    let activity = FakeActivity()
    let group = EpollEventLoopGroup(threads: loops)
    let server = try await ProxyServer(
        options: options, routes: routes, activity: activity, group: group, metrics: metrics, logger: logger)
    let socket = try ListeningSocket(listeningOn: try SocketAddress(ipAddress: address, port: 0))
    let open = try await server.listen(listener, on: socket)
    socket.close()
    let port = UInt16(open.address.port ?? 0)
    let result: Swift.Result<Result, any Error>
    do {
        result = .success(try await body(ProxyUnderTest(port: port, routes: routes, activity: activity, server: server, listener: open)))
    } catch {
        result = .failure(error)
    }
    await open.close()  // some tests have done it
    if !isShutDown { try await server.shutDown(within: .milliseconds(100)) }
    try await group.shutdownGracefully()
    return try result.get()
}
