import AsyncHTTPClient
import GatewayHTTP
import GatewayHTTPConfiguration
import JSONValues
import Logging
import NATS
import NetworkAddresses
import NIOCore
import NIOHTTP1
import PlaneClient
import PlaneClientTestSupport
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneState
import PlaneTestSupport
import SchedulerCore
import SchedulerCoreConfiguration
import ServiceLifecycle
import Synchronization
import Testing

let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// A gateway on a real NATS server with a real scheduler, and drones without containers.
struct GatewayFixture: Sendable {
    let server: NATSServer
    let client: PlaneClient
    let drone: TestDrone
    let gateway: Gateway
    let port: UInt16
    let legacyPort: UInt16
    let log: LogRecorder

    static func connect(_ server: NATSServer) async throws -> PlaneClient {
        PlaneClient(connection: try await NATSConnection.connect(NATSOptions(servers: [server.url]), logger: silent), logger: silent)
    }

    /// Runs `body` with all of it.
    /// - Parameter link: between the gateway and NATS.
    static func run(
        course: TestDrone.Course = .ready, cluster: String = "plane.test",
        endpoint: PublicEndpoint = PublicEndpoint(scheme: .http, port: 8080), link: SlowLink? = nil,
        configure: (inout GatewayConfiguration) -> Void = { _ in },
        scheduling: (inout SchedulerConfiguration) -> Void = { _ in },
        _ body: @escaping @Sendable (GatewayFixture) async throws -> Void
    ) async throws {
        var configuration = GatewayConfiguration(port: 0)
        configuration.defaultCluster = try .make(cluster)
        configure(&configuration)
        let settings = configuration
        var schedulerConfiguration = SchedulerConfiguration()
        scheduling(&schedulerConfiguration)
        let schedulerSettings = schedulerConfiguration
        var legacy = HTTPConfiguration(services: ["app": "app-image"], cluster: try .make(cluster))
        legacy.port = 0
        legacy.bindIP = .v4(0x7F00_0001)
        let legacySettings = legacy
        try await withNATSServer { server in
            let client = try await self.connect(server)
            for (name, subjects) in [("plane_keys", ["key.*"]), ("plane_tokens", ["token.*", "revoked.*.*", "opened.*", "visited.*.*", "used.*"])] {
                _ = try await client.bus.connection.jetStream.ensureStream(
                    StreamConfiguration(name: name, subjects: subjects, maxMessagesPerSubject: 1))
            }
            let schedulerConnection = try await NATSConnection.connect(NATSOptions(servers: [server.url]), logger: silent)
            let gatewayURL = if let link { "nats://127.0.0.1:\(try await link.open(to: server.port))" } else { server.url }
            let gatewayConnection = try await NATSConnection.connect(NATSOptions(servers: [gatewayURL]), logger: silent)
            let (ports, listening) = AsyncStream.makeStream(of: (Gateway.Interface, UInt16).self)
            let log = LogRecorder()
            let gateway = Gateway(
                bus: PlaneBus(connection: gatewayConnection, logger: silent), configuration: settings, legacy: legacySettings, logger: log.logger,
                onListening: { listening.yield(($0, $1)) })
            let services = ServiceGroup(
                services: [
                    Scheduler(bus: PlaneBus(connection: schedulerConnection, logger: silent), configuration: schedulerSettings, logger: silent), gateway,
                ], logger: silent)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await services.run() }
                var found: [Gateway.Interface: UInt16] = [:]
                for await (interface, port) in ports {
                    found[interface] = port
                    if found.count == 2 { break }
                }
                let drone = try TestDrone(client, "drone-a", cluster: cluster, endpoint: endpoint, course: course)
                group.addTask { try await drone.run() }
                let fixture = GatewayFixture(
                    server: server, client: client, drone: drone, gateway: gateway, port: try #require(found[.control]),
                    legacyPort: try #require(found[.legacy]), log: log)
                try await eventually("the gateway knows the drone") {
                    gateway.fleet.mirror.ask { $0.drone(drone.id, in: drone.cluster).map { $0.state == .ready && $0.metadata != nil } ?? false }
                }
                try await eventually("the gateway is healthy") { try await fixture.get("/pub/health").status == 200 }
                try await body(fixture)
                await services.triggerGracefulShutdown()
                group.cancelAll()
            }
            for connection in [client.bus.connection, schedulerConnection, gatewayConnection] { await connection.drain(timeout: .seconds(2)) }
        }
    }
}

extension GatewayFixture {
    /// Runs another drone beside the first one, as long as `body` takes.
    func with(_ drone: TestDrone, _ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await drone.run() }
            try await eventually("the gateway knows \(drone.id)") {
                self.gateway.fleet.mirror.ask { $0.drone(drone.id, in: drone.cluster).map { $0.state == .ready && $0.metadata != nil } ?? false }
            }
            try await body()
            group.cancelAll()
        }
    }

    /// What the stream of keys holds of a key's home.
    func home(of key: BackendKey) async throws -> KeyHome? {
        try await self.client.bus.connection.jetStream.lastMessage(stream: KeyHome.stream, subject: KeyHome.subject(of: key.lock)).map {
            try WireCodec.decode(KeyHome.self, from: $0.payload)
        }
    }
}

/// A stream was asked for and is not there.
struct NoStream: Error {
    let status: Int
}

/// An answer as a client gets it.
struct Answer: Sendable {
    var status: Int
    var headers: HTTPHeaders
    var body: String

    var json: JSONValue? { try? WireCodec.decode(JSONValue.self, from: Array(self.body.utf8)) }
    subscript(key: String) -> JSONValue? { self.json?[key] }
}

extension JSONValue {
    subscript(key: String) -> JSONValue? { if case .object(let members) = self { members[key] } else { nil } }
    var text: String? { if case .string(let text) = self { text } else { nil } }
    var items: [JSONValue] { if case .array(let items) = self { items } else { [] } }
}

extension GatewayFixture {
    /// For all tests of the process; follows no redirect.
    /// Uses no connection that the gateway may be closing, which it does with those that were idle for 50 s.
    private static let http = HTTPClient(
        eventLoopGroupProvider: .singleton,
        configuration: HTTPClient.Configuration(
            redirectConfiguration: .disallow, connectionPool: HTTPClient.Configuration.ConnectionPool(idleTimeout: .seconds(10))))

    func ask(
        _ method: String, _ path: String, body: String? = nil, type: String? = "application/json", headers: [(String, String)] = [], port: UInt16? = nil
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port ?? self.port)\(path)")
        request.method = HTTPMethod(rawValue: method)
        if let body {
            request.body = .bytes(ByteBuffer(string: body))
            if let type { request.headers.add(name: "content-type", value: type) }
        }
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        let response = try await Self.http.execute(request, timeout: .seconds(60))
        let bytes = try await response.body.collect(upTo: 4 << 20)
        return Answer(status: Int(response.status.code), headers: response.headers, body: String(buffer: bytes))
    }

    func get(_ path: String, headers: [(String, String)] = [], port: UInt16? = nil) async throws -> Answer {
        try await self.ask("GET", path, headers: headers, port: port)
    }

    func post(_ path: String, _ body: String? = nil, type: String? = "application/json", headers: [(String, String)] = []) async throws -> Answer {
        try await self.ask("POST", path, body: body, type: type, headers: headers)
    }

    func connect(_ body: String, headers: [(String, String)] = []) async throws -> Answer { try await self.post("/ctrl/connect", body, headers: headers) }

    /// A backend with a key, as most tests need one.
    /// - Parameter config: more members of the recipe.
    func connect(key: String, tag: String = "", config: String = "") async throws -> Answer {
        try await self.connect(#"{"key":{"name":"\#(key)","tag":"\#(tag)"},"spawn_config":{"executable":{"image":"app"}\#(config)}}"#)
    }

    /// What a stream of events sends until it has what is looked for, or ends.
    func events(_ path: String, headers: [(String, String)] = [], port: UInt16? = nil, until isEnough: @escaping @Sendable (String) -> Bool) async throws
        -> String
    {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port ?? self.port)\(path)")
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
        guard response.status == .ok else { throw NoStream(status: Int(response.status.code)) }
        var text = ""
        for try await piece in response.body {
            text += String(buffer: piece)
            if isEnough(text) { break }
        }
        return text
    }
}
