import EpollTransport
import Logging
import Metrics
import NIOCore
import PlaneTestSupport
import ProxyCore

/// The engine with any policy, on a free port.
struct PolicyUnderTest: Sendable {
    let port: UInt16

    func connect() throws -> TestPeer { try TestPeer.connect(port: self.port) }

    /// Sends one request on a connection of its own and returns everything that comes back.
    func exchange(_ request: String) async throws -> String {
        let client = try self.connect()
        try await client.send(request)
        return try await client.receiveToEnd()
    }
}

/// Activity that nobody wants to know.
struct NoActivity: ActivitySink {
    func recordActivity(_ backends: [BackendActivity], at seconds: Int64) throws {}
}

func withEngine(
    _ policies: some ProxyPolicySource, options: ProxyOptions = ProxyOptions(), purpose: ProxyListener.Purpose = .http,
    _ body: (PolicyUnderTest) async throws -> Void
) async throws {
    let group = EpollEventLoopGroup(threads: 1)
    let server = try await ProxyServer(
        options: options, policies: policies, activity: NoActivity(), group: group, metrics: NOOPMetricsHandler.instance,
        logger: Logger(label: "policy-under-test"))
    let socket = try ListeningSocket(listeningOn: try SocketAddress(ipAddress: "127.0.0.1", port: 0))
    let listener = try await server.listen(ProxyListener(purpose), on: socket)
    socket.close()
    let result: Result<Void, any Error>
    do {
        result = .success(try await body(PolicyUnderTest(port: UInt16(listener.address.port ?? 0))))
    } catch {
        result = .failure(error)
    }
    await listener.close()
    try await server.shutDown(within: .milliseconds(100))
    try await group.shutdownGracefully()
    try result.get()
}
