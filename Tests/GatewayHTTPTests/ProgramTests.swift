import AsyncHTTPClient
import GatewayCore
import GatewayHTTP
import JSONValues
import NATS
import NIOCore
import NIOHTTP1
import PlaneClient
import PlaneClientTestSupport
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneTestSupport
import Synchronization
import Testing

/// The program itself, beside others of its kind.
@Suite("gateway, the program", .timeLimit(.minutes(10))) struct ProgramTests {
    /// One of several that run side by side.
    private final class Running: Sendable {
        let port: UInt16
        private let environment: [String: String]
        private let process: Mutex<TestProcess>

        init(_ environment: [String: String]) throws {
            let port = try freeLoopbackPort()
            self.port = port
            self.environment = environment.merging(["PLANE_GATEWAY__HTTP_PORT": "\(port)", "PLANE_GATEWAY__DEFAULT_CLUSTER": "plane.test"]) { $1 }
            self.process = Mutex(try TestProcess.ours("gateway", environment: self.environment))
        }

        var log: [String] { self.process.withLock { $0 }.log }
        func waitUntilReady() async throws { try await self.process.withLock { $0 }.line(containing: "gateway is ready") }

        @discardableResult
        func stop(_ signal: TestProcess.Signal) async -> Int32 { await self.process.withLock { $0 }.stop(signal) }

        func startAgain() throws {
            let process = try TestProcess.ours("gateway", environment: self.environment)
            self.process.withLock { $0 = process }
        }

        /// - Throws: where no answer came.
        func ask(_ method: String, _ path: String, body: String? = nil, headers: [(String, String)] = []) async throws -> Answer {
            var request = HTTPClientRequest(url: "http://127.0.0.1:\(self.port)\(path)")
            request.method = HTTPMethod(rawValue: method)
            if let body {
                request.body = .bytes(ByteBuffer(string: body))
                request.headers.add(name: "content-type", value: "application/json")
            }
            for (name, value) in headers { request.headers.add(name: name, value: value) }
            let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
            let bytes = try await response.body.collect(upTo: 4 << 20)
            return Answer(status: Int(response.status.code), headers: response.headers, body: String(buffer: bytes))
        }
    }

    /// What was answered with success, by what was asked for.
    private final class Ledger: Sendable {
        struct State {
            var backends: [String: Set<String>] = [:]
            var tokens: [String] = []
            /// The tokens of orders, which are those of their backends.
            var staticTokens: [String: Set<String>] = [:]
            var unexpected: [String] = []
            var isOver = false
        }

        private let content = Mutex(State())

        var state: State { self.content.withLock { $0 } }
        var isOver: Bool { self.content.withLock { $0.isOver } }
        func end() { self.content.withLock { $0.isOver = true } }

        func note(_ answer: Answer, to name: String) {
            self.content.withLock { state in
                switch (answer.status, answer["backend_id"]?.text, answer["token"]?.text) {
                case (200, let backend?, let token?):
                    state.backends[name, default: []].insert(backend)
                    state.tokens.append(token)
                    if token.hasPrefix("s.") { state.staticTokens[backend, default: []].insert(token) }
                // One that does not know the state yet says so.
                case (500, _, _) where answer["kind"] == .string("Other"): break
                default: state.unexpected.append("\(name): \(answer.status) \(answer.body)")
                }
            }
        }
    }

    @Test("gateways that are killed at any moment give no wrong answer: one backend for each key and each idempotency key, every token that was told is there")
    func killed() async throws {
        try await withNATSServer { server in
            let environment = ["PLANE_NATS__HOSTS": server.url]
            let scheduler = try TestProcess.ours("scheduler", environment: environment)
            try await scheduler.line(containing: "scheduler is ready")
            let client = try await GatewayFixture.connect(server)
            let drone = try TestDrone(client, "drone-a")
            let gateways = [try Running(environment), try Running(environment)]
            for gateway in gateways { try await gateway.waitUntilReady() }
            let ledger = Ledger()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await drone.run() }
                try await eventually("both know the drone") {
                    for gateway in gateways {
                        guard try await gateway.ask("GET", "/ctrl/c/plane.test/state")["drones"]?.items.first?["ready"] == .bool(true) else { return false }
                    }
                    return true
                }
                try await withThrowingTaskGroup(of: Void.self) { visitors in
                    for number in 0..<6 {
                        visitors.addTask {
                            var turn = number
                            while !Task.isCancelled, !ledger.isOver {
                                turn += 1
                                await Self.visit(gateways[turn / 2 % 2], "\(turn % 2 == 0 ? "key" : "order")-\(turn / 7)", ledger)
                            }
                        }
                    }
                    for round in 0..<6 {
                        drone.say(.ready)
                        let (tokens, keys) = (ledger.state.tokens.count, ledger.state.backends.count)
                        try await eventually("visitors are served", within: .seconds(60)) {
                            ledger.state.tokens.count >= tokens + 40 && ledger.state.backends.count >= keys + 4
                        }
                        await gateways[round % 2].stop(.kill)
                        try gateways[round % 2].startAgain()
                        drone.say(.ready)
                        try await gateways[round % 2].waitUntilReady()
                    }
                    ledger.end()
                    try await visitors.waitForAll()
                }
                group.cancelAll()
            }
            let (backends, tokens, unexpected) = (ledger.state.backends, ledger.state.tokens, ledger.state.unexpected)
            #expect(unexpected.isEmpty, "\(unexpected.prefix(5))")
            #expect(backends.allSatisfy { $0.value.count == 1 }, "\(backends.filter { $0.value.count > 1 })")
            // Of each key the drone was given one backend, whatever became of whoever asked.
            let keys = drone.requests.compactMap(\.key?.name).filter { $0.hasPrefix("key-") }
            #expect(Set(keys).count == keys.count)
            // An order's backend has one token, the one that it was told itself.
            let staticTokens = ledger.state.staticTokens
            #expect(staticTokens.count > 4)
            for request in drone.requests {
                guard let told = staticTokens[request.backendID.rawValue] else { continue }
                #expect(told == [request.executable.env["SESSION_BACKEND_STATIC_TOKEN"]?.exposed])
            }
            for text in Set(tokens) {
                let token = try #require(VisitorToken(text: text))
                let stored = try await client.bus.connection.jetStream.lastMessage(stream: TokenRecord.stream, subject: TokenRecord.subject(of: token.hash))
                #expect(stored != nil)
            }
            for gateway in gateways { #expect(await gateway.stop(.terminate) == 0) }
            await scheduler.stop()
            await client.bus.connection.drain(timeout: .seconds(1))
        }
    }

    /// One request, noted as it was answered. A name that begins with `order` is an idempotency key, of a backend with a token for all visitors.
    private static func visit(_ gateway: Running, _ name: String, _ ledger: Ledger) async {
        let isKey = name.hasPrefix("key")
        let recipe = #""spawn_config":{"executable":{"image":"app"},"use_static_token":\#(!isKey)},"user":"u1""#
        let answer: Answer
        do {
            answer = try await gateway.ask(
                "POST", "/ctrl/connect", body: isKey ? #"{"key":{"name":"\#(name)"},\#(recipe)}"# : "{\(recipe)}",
                headers: isKey ? [] : [("Idempotency-Key", name)])
        } catch {
            // Nobody was there, or went away: a client asks another one.
            await Task.yield()
            return
        }
        ledger.note(answer, to: name)
    }

    @Test("with the user of the sample nats-server.conf everything is answered, and nothing is refused")
    func leastRights() async throws {
        let nats = try await GuardedNATS.start()
        let scheduler = try TestProcess.ours("scheduler", environment: nats.environment("scheduler"))
        try await scheduler.line(containing: "scheduler is ready")
        let log = LogRecorder()
        let connection = try await NATSConnection.connect(
            nats.options("drone-1", inboxPrefix: "cluster.plane_test.inbox.agent.drone-1"), logger: log.logger)
        let drone = try TestDrone(PlaneClient(connection: connection, logger: log.logger), "drone-1")
        let metricsPort = try freeLoopbackPort()
        let gateway = try Running(nats.environment("gateway").merging(["PLANE_GATEWAY__METRICS__PORT": "\(metricsPort)"]) { $1 })
        try await gateway.waitUntilReady()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await drone.run() }
            try await eventually("the gateway knows the drone") {
                try await gateway.ask("GET", "/ctrl/c/plane.test/state")["drones"]?.items.first?["ready"] == .bool(true)
            }
            let recipe = #""spawn_config":{"executable":{"image":"app"},"subdomain":"play"}"#
            let first = try await gateway.ask("POST", "/ctrl/connect?wait=ready", body: #"{"key":{"name":"room"},\#(recipe),"user":"u1"}"#)
            #expect(first.status == 200 && first["status"] == .string("ready"), "\(first.body)")
            let backend = try #require(first["backend_id"]?.text)
            let again = try await gateway.ask("POST", "/ctrl/connect", body: #"{"key":{"name":"room"}}"#)
            #expect(again["backend_id"] == first["backend_id"] && again["subdomain"] == .string("play"))
            try await eventually("it is found by its user") {
                try await gateway.ask("GET", "/ctrl/b?user=u1")["backends"]?.items.first?["backend_id"]?.text == backend
            }
            let line = BackendLogMessage(backendID: try .make(backend), kind: .stdout, text: "2024-03-11T09:15:31.004Z hello\n")
            try connection.publish(WireCodec.encode(line), to: line.ownSubject(drone: drone.id, cluster: drone.cluster))
            try await eventually("its log is kept") { try await gateway.ask("GET", "/ctrl/b/\(backend)/logs")["lines"]?.items.isEmpty == false }
            for path in ["/", "/?q=u1", "/page/b/\(backend)", "/ctrl/b/\(backend)", "/pub/b/\(backend)/status", "/pub/health"] {
                #expect(try await gateway.ask("GET", path).status == 200, "\(path)")
            }
            // Nobody measures here; what counts is that it may be asked for.
            _ = try await gateway.ask("GET", "/ctrl/b/\(backend)/metrics")
            #expect(try await gateway.ask("POST", "/ctrl/b/revoke", body: #"{"backend_id":"\#(backend)","user":"u1"}"#).status == 200)
            #expect(try await gateway.ask("POST", "/ctrl/revocations", body: #"{"backend_id":"\#(backend)"}"#).status == 200)
            for method in ["POST", "DELETE"] { #expect(try await gateway.ask(method, "/ctrl/c/plane.test/d/drone-1/drain").status == 200) }
            for kind in ["soft", "hard"] { #expect(try await gateway.ask("POST", "/ctrl/b/\(backend)/\(kind)-terminate").status == 200) }
            let scraped = try await HTTPClient.shared.execute(HTTPClientRequest(url: "http://127.0.0.1:\(metricsPort)/metrics"), timeout: .seconds(30))
            let lines = String(buffer: try await scraped.body.collect(upTo: 4 << 20)).split(separator: "\n")
            let drains = lines.first { $0.hasPrefix("plane_gateway_requests_total{") && $0.contains(#"call="drain""#) && $0.contains(#"status="200""#) }
            #expect(drains?.hasSuffix(" 1") == true || drains?.hasSuffix(" 1.0") == true, "\(lines)")
            #expect(lines.contains { $0.hasPrefix("plane_gateway_request_seconds_count{") && $0.contains(#"call="connect""#) })
            group.cancelAll()
        }
        #expect(await gateway.stop(.terminate) == 0)
        #expect(!gateway.log.contains { $0.contains(GuardedNATS.refusal) }, "\(gateway.log.filter { $0.contains(GuardedNATS.refusal) })")
        #expect(!log.text.contains(GuardedNATS.refusal), "\(log.text)")
        await connection.drain(timeout: .seconds(1))
        await scheduler.stop()
        await nats.server.stop(.kill)
    }

    @Test(
        "--check says what is wrong with a configuration: the key, what was found, what was expected; status 64",
        arguments: [
            ("PLANE_GATEWAY__HTTP_PORT", "99999", "gateway.http_port"), ("PLANE_GATEWAY__BIND_IP", "here", "gateway.bind_ip"),
            ("PLANE_GATEWAY__FORWARD_AUTH", "ftp://x", "gateway.forward_auth"), ("PLANE_GATEWAY__TOKEN_LIFETIME_SECS", "1", "gateway.token_lifetime_secs"),
        ])
    func check(variable: String, value: String, key: String) async throws {
        let environment = ["PLANE_NATS__HOSTS": "127.0.0.1:1", "PLANE_GATEWAY__HTTP_PORT": "8081"]
        let right = try TestProcess.ours("gateway", ["--check"], environment: environment)
        #expect(await right.ended() == 0, "\(right.log)")
        let wrong = try TestProcess.ours("gateway", ["--check"], environment: environment.merging([variable: value]) { $1 })
        #expect(await wrong.ended() == 64)
        #expect(wrong.log.contains { $0.contains(key) && $0.contains("expected") }, "\(wrong.log)")
    }
}
