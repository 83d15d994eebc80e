import EpollTransport
import Foundation
import Logging
import Metrics
import NIOCore
import NIOSSL
import PlanBPolicy
import PlaneTestSupport
import ProxyCore
import RedisClient
import Testing

/// The proxy in this process, with a Redis of its own.
struct PlanBUnderTest: Sendable {
    let port: UInt16
    let redis: RedisTestServer
    /// Lines written so far, of both logs.
    let accessLog: String
    let errorLog: String
    let source: PlanBPolicySource

    func connect() throws -> TestPeer { try TestPeer.connect(port: self.port) }

    /// Sends one request on a connection of its own, which the request is to end, and returns everything that comes back.
    func exchange(_ request: String) async throws -> String {
        let client = try self.connect()
        try await client.send(request)
        return try await client.receiveToEnd()
    }

    func get(_ host: String, _ path: String = "/", fields: String = "") async throws -> String {
        try await self.exchange("GET \(path) HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\(fields)\r\n")
    }

    func frontend(_ host: String, _ backends: String...) async throws {
        try await self.redis.command("DEL", "frontend:\(host)")
        for entry in ["id"] + backends { try await self.redis.command("RPUSH", "frontend:\(host)", entry) }
    }

    /// Lines of the access log, once there are as many.
    func lines(_ count: Int) async throws -> [String] { try await self.lines(count, of: self.accessLog) }
    func errorLines(_ count: Int) async throws -> [String] { try await self.lines(count, of: self.errorLog) }

    private func lines(_ count: Int, of file: String) async throws -> [String] {
        var lines: [String] = []
        try await eventually("\(file) has \(count) lines") {
            lines = ((try? String(contentsOfFile: file, encoding: .utf8)) ?? "").split(separator: "\n").map(String.init)
            return lines.count >= count
        }
        return lines
    }
}

/// Backends on loopback that answer every request with their own number, or word.
final class NumberedBackends: Sendable {
    let backends: [TestBackend]
    private let serving: [Task<Void, any Error>]

    convenience init(_ count: Int) throws {
        try self.init(saying: (0..<count).map { "\($0)" })
    }

    init(saying words: [String]) throws {
        let backends = try words.map { _ in try TestBackend() }
        self.backends = backends
        self.serving = zip(words, backends).map { word, backend in
            Task {
                try await withThrowingDiscardingTaskGroup { group in
                    while true {
                        let peer = try await backend.accept()
                        group.addTask {
                            // A connection that the proxy has closed ends its task.
                            while (try? await peer.receive(until: "\r\n\r\n")) != nil {
                                try? await peer.send("HTTP/1.1 200 OK\r\nContent-Length: \(word.utf8.count)\r\n\r\n\(word)")
                            }
                        }
                    }
                }
            }
        }
    }

    deinit { for task in self.serving { task.cancel() } }

    func entry(_ number: Int) -> String { "http://127.0.0.1:\(self.backends[number].port)" }
}

extension TestBackend {
    var entry: String { "http://127.0.0.1:\(self.port)" }

    /// An address at which nobody listens.
    static func refusing() throws -> TestBackend {
        let backend = try TestBackend()
        backend.stopListening()
        return backend
    }
}

func withPlanB(
    redis given: RedisTestServer? = nil, threads: Int = 1, metrics: any MetricsFactory = NOOPMetricsHandler.instance,
    certificates: NamedCertificates? = nil, trustRoots: NIOSSLTrustRoots = .default, resolver: NameResolver = .shared,
    configure: (inout PlanBOptions, inout ProxyLimits) -> Void = { _, _ in },
    _ body: (PlanBUnderTest) async throws -> Void
) async throws {
    let redis = if let given { given } else { try await RedisTestServer.start() }
    let directory = try TemporaryDirectory()
    let server = RedisServer(.tcp(host: "127.0.0.1", port: Int(redis.port)))
    var options = PlanBOptions(reading: server, writing: server)
    var limits = ProxyLimits()
    configure(&options, &limits)
    var proxyOptions = ProxyOptions()
    proxyOptions.namesRequests = false
    proxyOptions.logsFailures = false
    proxyOptions.limits = limits
    let logger = Logger(label: "planb-under-test")
    let (path, errorPath) = (directory.file("access.log"), directory.file("error.log"))
    let source = try PlanBPolicySource(
        options, accessLog: try LineWriter(.file(path: path), logger: logger),
        errorLog: try LineWriter(.file(path: errorPath), logger: logger), metrics: metrics, trustRoots: trustRoots, resolver: resolver)
    let group = EpollEventLoopGroup(threads: threads)
    let proxy = try await ProxyServer(
        options: proxyOptions, policies: source, activity: NobodyAsks(), group: group, metrics: NOOPMetricsHandler.instance, logger: logger)
    let socket = try ListeningSocket(listeningOn: try SocketAddress(ipAddress: "127.0.0.1", port: 0))
    let listener = try await proxy.listen(ProxyListener(certificates.map { .https($0) } ?? .http), on: socket)
    socket.close()
    let result: Result<Void, any Error>
    do {
        result = .success(
            try await body(PlanBUnderTest(port: UInt16(listener.address.port ?? 0), redis: redis, accessLog: path, errorLog: errorPath, source: source)))
    } catch {
        result = .failure(error)
    }
    await listener.close()
    try await proxy.shutDown(within: .milliseconds(100))
    try await group.shutdownGracefully()
    withExtendedLifetime(directory) {}
    try result.get()
}

private struct NobodyAsks: ActivitySink {
    func recordActivity(_ backends: [BackendActivity], at seconds: Int64) throws {}
}
