import Foundation
import JSONValues
import Logging
import NATS
import NetworkAddresses
import PlaneProtocol
import PlaneService
import PlaneTestSupport
import Testing
import TierProxyPolicy

/// A proxy of the tier as a program, with a real nats-server, into whose streams a test writes what schedulers and gateways do.
struct TierFixture: Sendable {
    let nats: NATSServer
    let connection: NATSConnection
    let directory: TemporaryDirectory
    let cluster: ClusterName
    let port: UInt16
    let metricsPort: UInt16
    /// For proxies of drones.
    let innerPort: UInt16
    let proxy: TestProcess

    static let secret = "0123456789abcdef0123456789abcdef"
    static let token = "0123456789abcdefghijklmnopqrstuvwxyzABCDE-_"
    static let other = "zzz3456789abcdefghijklmnopqrstuvwxyzABCDE-_"

    /// - Parameters:
    ///   - isReady: whether to wait until the proxy knows the state.
    ///   - knowsUses: whether the stream of tokens is one of this version's schedulers.
    ///   - keepsUsesApart: whether the notes of use have a stream of their own.
    static func run(isReady: Bool = true, knowsUses: Bool = true, keepsUsesApart: Bool = false, _ body: (TierFixture) async throws -> Void) async throws {
        try await withNATSServer { nats in
            let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let connection = try await NATSConnection.connect(NATSOptions(servers: [nats.url]), logger: silent)
            let tokens = ["token.*", "revoked.*.*", "opened.*"] + (knowsUses && !keepsUsesApart ? ["used.*"] : [])
            let streams = [("plane_state", ["state.>"]), ("plane_tokens", tokens)] + (keepsUsesApart ? [("plane_token_uses", ["used.*"])] : [])
            for (name, subjects) in streams {
                _ = try await connection.jetStream.ensureStream(StreamConfiguration(name: name, subjects: subjects, maxMessagesPerSubject: 1))
            }
            let directory = try TemporaryDirectory()
            let (port, metricsPort, innerPort) = (try freeLoopbackPort(), try freeLoopbackPort(), try freeLoopbackPort())
            let proxy = try self.start("px-1", in: directory, nats: nats, port: port, metricsPort: metricsPort, innerPort: innerPort)
            let fixture = TierFixture(
                nats: nats, connection: connection, directory: directory, cluster: try #require(ClusterName(rawValue: "plane.test")), port: port,
                metricsPort: metricsPort, innerPort: innerPort, proxy: proxy)
            try await proxy.line(containing: "gateway-proxy is ready")
            if isReady { try await proxy.line(containing: "the state of the fleet is known") }
            try await body(fixture)
            #expect(await proxy.stop() == 0)
            await connection.drain(timeout: .seconds(2))
        }
    }

    /// One proxy; its first line is its process number.
    static func start(_ name: String, in directory: TemporaryDirectory, nats: NATSServer, port: UInt16, metricsPort: UInt16, innerPort: UInt16? = nil) throws
        -> TestProcess
    {
        let file = directory.file("\(name).toml")
        try """
        drone_id = "\(name)"
        cluster_domain = "plane.test"
        [nats]
        hosts = ["\(nats.url)"]
        [proxy]
        bind_ip = "127.0.0.1"
        http_port = \(port)
        inner_secret = "\(self.secret)"
        \(innerPort.map { "inner_port = \($0)" } ?? "")
        token_keys = ["11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"]
        [proxy.metrics]
        port = \(metricsPort)
        """.write(toFile: file, atomically: true, encoding: .utf8)
        return try TestProcess("/bin/sh", ["-c", "echo number=$$; exec \"$0\" \"$1\"", self.program("gateway-proxy"), file])
    }

    static func program(_ name: String) -> String {
        URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: name).path
    }

    // MARK: What schedulers write

    func put(_ message: ClusterStateMessage) async throws {
        let message = StateMessage.cluster(self.cluster, message)
        _ = try await self.connection.jetStream.publish(WireCodec.encode(message), to: message.subject)
    }

    func put(drone: String, innerPort: UInt16?) async throws {
        let metadata = DroneMetadata(ip: .v4(0x7F00_0001), version: "test", abilities: DroneAbilities(pool: .unnamed, innerPort: innerPort))
        try await self.put(.drone(DroneMessage(drone: try #require(DroneID(rawValue: drone)), change: .metadata(metadata))))
    }

    func put(backend: String, on drone: String, _ state: BackendState) async throws {
        let id = try #require(BackendID(rawValue: backend))
        try await self.put(
            .backend(BackendMessage(backend: id, change: .assignment(BackendAssignment(drone: try #require(DroneID(rawValue: drone)))))))
        try await self.put(.backend(BackendMessage(backend: id, change: .state(state, at: StateTime(milliseconds: 1)))))
    }

    // MARK: What gateways write

    @discardableResult
    func put(token: String, backend: String, user: String? = nil, lifetime: WireSeconds? = nil, age: Int64 = 0) async throws -> UInt64 {
        let issued = WireTime(seconds: WireTime.now().seconds - age)
        let record = TokenRecord(
            backend: try #require(BackendID(rawValue: backend)), cluster: self.cluster, user: user, auth: .object(["role": .string("é")]), secret: "5ecret",
            lifetime: lifetime, issued: issued)
        return try await self.connection.jetStream.publish(WireCodec.encode(record), to: Self.subject(of: token)).sequence
    }

    /// The private part of the key in the proxy's file, which is that of RFC 8037's appendix.
    static let signingKey: Secret = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"

    func revoke(_ scope: TokenRevocation.Scope) async throws -> UInt64 {
        try await self.connection.jetStream.publish(WireCodec.encode(TokenRevocation(at: .now())), to: scope.subject).sequence
    }

    func revoke(user: String, backend: String) async throws {
        _ = try await self.connection.jetStream.publish(
            WireCodec.encode(TokenRevocation(at: .now())), to: "revoked.\(backend).\(TokenDigest(of: user.utf8).hexadecimal)")
    }

    static func subject(of token: String) -> String { "token.\(TokenDigest(of: token.utf8).hexadecimal)" }

    static func useSubject(of token: String) -> String { "used.\(TokenDigest(of: token.utf8).hexadecimal)" }

    // MARK: What visitors do

    /// One request, and the whole answer.
    func ask(_ path: String, host: String = "plane.test", port: UInt16? = nil) async throws -> String {
        let client = try TestPeer.connect(port: port ?? self.port)
        try await client.send("GET \(path) HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\r\n")
        return try await client.receiveToEnd()
    }

    /// A WebSocket through the tier, and the end of it that is behind the tier.
    func openWebSocket(_ token: String, to drone: TestBackend) async throws -> (visitor: TestPeer, drone: TestPeer) {
        let answering = drone.answerOnce("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        let visitor = try TestPeer.connect(port: self.port)
        try await visitor.send(
            "GET /\(token)/ HTTP/1.1\r\nHost: plane.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        #expect(try await visitor.receive(until: "\r\n\r\n").hasPrefix("HTTP/1.1 101 "))
        return (visitor, try await answering.value.peer)
    }

    /// The value of a metric without labels.
    func metric(_ name: String) async throws -> Double? {
        let page = try await self.ask("/metrics", host: "127.0.0.1", port: self.metricsPort)
        return page.split(whereSeparator: \.isNewline).first { $0.hasPrefix("\(name) ") }.flatMap { Double($0.dropFirst(name.count + 1)) }
    }
}
