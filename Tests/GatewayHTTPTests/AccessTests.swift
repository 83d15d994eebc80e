import GatewayHTTP
import GatewayCore
import GatewayHTTPConfiguration
import JSONValues
import NIOCore
import NIOHTTP1
import NIOPosix
import PlaneProtocol
import PlaneTestSupport
import Synchronization
import Testing

@Suite struct AccessTests {
    private static func token(_ name: String, _ text: String) throws -> APIToken {
        let (secret, scope) = (text.split(separator: " ")[0], text.split(separator: " ").dropFirst().joined(separator: " "))
        return try #require(APIToken(name: name, text: "sha256:\(TokenHash(of: String(secret))) \(scope)"))
    }

    @Test("with tokens, /ctrl asks for one and /pub does not")
    func asked() async throws {
        let tokens = [try Self.token("shop", "s3cret write")]
        try await GatewayFixture.run(configure: { $0.tokens = tokens }) { gateway in
            let refused = try await gateway.get("/ctrl/status")
            #expect(refused.status == 401 && refused.body == "Unauthorized" && refused.headers.first(name: "www-authenticate") == "Bearer")
            #expect(try await gateway.get("/ctrl/status", headers: [("Authorization", "Bearer wrong")]).status == 401)
            #expect(try await gateway.get("/ctrl/status", headers: [("Authorization", "bearer s3cret")]).status == 200)
            #expect(try await gateway.get("/ctrl/status", headers: [("Cookie", "plane_gateway=s3cret")]).status == 401)
            #expect(try await gateway.get("/pub/health").status == 200)
        }
    }

    @Test("a token reaches as far as its words say")
    func scopes() async throws {
        let tokens = [
            try Self.token("reader", "r read"), try Self.token("games", "g write namespace=games/"), try Self.token("elsewhere", "e write cluster=other.test"),
            try Self.token("all", "a write"),
        ]
        try await GatewayFixture.run(configure: { $0.tokens = tokens }) { gateway in
            func connect(_ token: String, _ namespace: String) async throws -> Answer {
                try await gateway.connect(
                    #"{"key":{"name":"room","namespace":"\#(namespace)"},"spawn_config":{"executable":{"image":"app"}}}"#,
                    headers: [("Authorization", "Bearer \(token)")])
            }
            #expect(try await connect("r", "games/1").status == 403)
            #expect(try await connect("e", "games/1").status == 403)
            #expect(try await connect("g", "shop").status == 403)
            let mine = try await connect("g", "games/1")
            #expect(mine.status == 200)
            let theirs = try #require(try await connect("a", "shop")["backend_id"]?.text)
            func terminate(_ backend: String, _ token: String) async throws -> Int {
                try await gateway.post("/ctrl/b/\(backend)/soft-terminate", headers: [("Authorization", "Bearer \(token)")]).status
            }
            #expect(try await terminate(theirs, "g") == 403)
            #expect(try await terminate(theirs, "r") == 403)
            #expect(try await terminate(try #require(mine["backend_id"]?.text), "g") == 200)
            try await eventually("both are in the state") {
                try await gateway.get("/ctrl/b", headers: [("Authorization", "Bearer r")])["backends"]?.items.count == 2
            }
            #expect(try await gateway.get("/ctrl/b", headers: [("Authorization", "Bearer g")])["backends"]?.items.count == 1)
            #expect(try await gateway.get("/ctrl/b", headers: [("Authorization", "Bearer e")])["backends"]?.items.isEmpty == true)
            #expect(try await gateway.get("/ctrl/c/plane.test/state", headers: [("Authorization", "Bearer g")]).status == 403)
            #expect(try await gateway.get("/ctrl/b/\(theirs)/logs", headers: [("Authorization", "Bearer g")]).status == 403)
        }
    }

    @Test("who may not have a key writes nothing about it, and is not told whether it is held")
    func foreignKeys() async throws {
        let tokens = [
            try Self.token("reader", "r read"), try Self.token("games", "g write namespace=games/"), try Self.token("elsewhere", "e write cluster=other.test"),
            try Self.token("pool", "p write pool=gpu"), try Self.token("all", "a write"),
        ]
        try await GatewayFixture.run(configure: { $0.tokens = tokens }) { gateway in
            let key = try #require(BackendKey(namespace: "shop", name: "room"))
            func connect(_ token: String, in cluster: String?, tag: String = "") async throws -> Answer {
                let spawn = cluster.map { #","spawn_config":{"cluster":"\#($0)","executable":{"image":"app"}}"# } ?? ""
                return try await gateway.connect(
                    #"{"key":{"name":"room","namespace":"shop","tag":"\#(tag)"}\#(spawn)}"#, headers: [("Authorization", "Bearer \(token)")])
            }
            let strangers = ["r", "g", "e", "p"]
            for token in strangers {
                #expect(try await connect(token, in: "nowhere.test").status == 403, "\(token)")
                #expect(try await connect(token, in: "plane.test").status == 403, "\(token)")
            }
            #expect(try await gateway.home(of: key) == nil)
            let mine = try await connect("a", in: "plane.test")
            #expect(mine.status == 200, "\(mine.body)")
            for token in strangers {
                #expect(try await connect(token, in: "plane.test", tag: "v2").status == 403, "\(token)")
                #expect(try await connect(token, in: nil).status == 403, "\(token)")
            }
            #expect(try await connect("a", in: "plane.test", tag: "v2").status == 409)
            #expect(gateway.drone.requests.count == 1)
        }
    }

    @Test("a token for a pool has, sees and changes what is in that pool alone")
    func pools() async throws {
        let tokens = [try Self.token("gpu", "p write pool=gpu"), try Self.token("all", "a write")]
        try await GatewayFixture.run(configure: { $0.tokens = tokens }) { gateway in
            try await gateway.with(try TestDrone(gateway.client, "drone-gpu", pool: "gpu")) {
                func headers(_ token: String) -> [(String, String)] { [("Authorization", "Bearer \(token)")] }
                func connect(_ token: String, _ key: String, pool: String) async throws -> Answer {
                    try await gateway.connect(
                        #"{"key":{"name":"\#(key)"},"spawn_config":{"pool":"\#(pool)","executable":{"image":"app"}}}"#, headers: headers(token))
                }
                let mine = try #require(try await connect("p", "room", pool: "gpu")["backend_id"]?.text)
                #expect(try await connect("p", "room", pool: "gpu")["backend_id"] == .string(mine))
                #expect(try await connect("p", "hall", pool: "").status == 403)
                #expect(try await connect("p", "hall", pool: "cpu").status == 403)
                let theirs = try #require(try await connect("a", "hall", pool: "")["backend_id"]?.text)
                #expect(try await connect("p", "hall", pool: "gpu").status == 403)
                try await eventually("both are in the state") {
                    try await gateway.get("/ctrl/b", headers: headers("a"))["backends"]?.items.count == 2
                }
                #expect(try await gateway.get("/ctrl/b", headers: headers("p"))["backends"]?.items.compactMap { $0["backend_id"]?.text } == [mine])
                #expect(try await gateway.get("/ctrl/b/\(theirs)", headers: headers("p")).status == 403)
                #expect(try await gateway.post("/ctrl/b/\(theirs)/hard-terminate", headers: headers("p")).status == 403)
                #expect(try await gateway.post("/ctrl/c/plane.test/d/drone-a/drain", headers: headers("p")).status == 403)
                #expect(gateway.drone.drains.isEmpty && gateway.drone.terminations.isEmpty)
                #expect(try await gateway.post("/ctrl/c/plane.test/d/drone-gpu/drain", headers: headers("p")).status == 200)
                #expect(try await gateway.post("/ctrl/b/\(mine)/soft-terminate", headers: headers("p")).status == 200)
            }
        }
    }

    @Test(
        "a token's text says what it may, and nothing else is one",
        arguments: [
            "", "sha256:00 read", "read", "sha256:\(String(repeating: "a", count: 64))", "sha256:\(String(repeating: "a", count: 64)) own",
            "sha256:\(String(repeating: "a", count: 64)) read planet=x",
        ])
    func noToken(text: String) {
        #expect(APIToken(name: "a", text: text) == nil)
    }

    @Test("who asks too often is told when to come again")
    func limited() async throws {
        try await GatewayFixture.run(configure: { $0.limits = GatewayConfiguration.Limits(requestsPerSecond: 1, burst: 2) }) { gateway in
            // So many at once that some are refused on a slow machine too.
            let answers = try await withThrowingTaskGroup(of: Answer.self) { group in
                for _ in 0..<30 { group.addTask { try await gateway.get("/ctrl/status") } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.contains { $0.status == 200 })
            let refused = try #require(answers.first { $0.status == 429 })
            #expect(refused.headers.first(name: "retry-after") == "1")
            #expect(try await gateway.get("/pub/health").status == 200)
        }
    }

    @Test("who is refused is counted, too, and keeps nobody with a token from asking")
    func refusedCount() async throws {
        let tokens = [try Self.token("shop", "s3cret write")]
        let limits = GatewayConfiguration.Limits(requestsPerSecond: 1, burst: 2)
        try await GatewayFixture.run(configure: { ($0.tokens, $0.limits) = (tokens, limits) }) { gateway in
            func statuses(_ ask: @escaping @Sendable () async throws -> Answer) async throws -> [Int] {
                try await withThrowingTaskGroup(of: Int.self) { group in
                    for _ in 0..<30 { group.addTask { try await ask().status } }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
            }
            let guesses = try await statuses { try await gateway.get("/ctrl/status", headers: [("Authorization", "Bearer guess")]) }
            #expect(guesses.contains(429) && Set(guesses).isSubset(of: [401, 429]))
            #expect(try await gateway.get("/ctrl/status", headers: [("Authorization", "Bearer s3cret")]).status == 200)
            let logins = try await statuses {
                try await gateway.ask(
                    "POST", "/page/login", body: "token=guess", type: "application/x-www-form-urlencoded",
                    headers: [("Origin", "http://127.0.0.1:\(gateway.port)")])
            }
            #expect(logins.contains(429) && Set(logins).isSubset(of: [401, 429]))
        }
    }

    // MARK: Another server is asked

    /// Answers with a status, and keeps the heads it has seen.
    private final class Judge: ChannelInboundHandler, Sendable {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart
        let heads = Mutex<[HTTPRequestHead]>([])
        let status = Mutex(HTTPResponseStatus.ok)

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch self.unwrapInboundIn(data) {
            case .head(let head): self.heads.withLock { $0.append(head) }
            case .body: break
            case .end:
                let head = HTTPResponseHead(
                    version: .http1_1, status: self.status.withLock { $0 }, headers: ["content-length": "0", "location": "/x", "connection": "close"])
                context.write(self.wrapOutboundOut(.head(head)), promise: nil)
                context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
            }
        }
    }

    /// Runs `body` while a judge answers at a port.
    private static func withJudge(_ body: (Judge, any Channel, Int) async throws -> Void) async throws {
        let judge = Judge()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton).childChannelInitializer { channel in
            channel.pipeline.configureHTTPServerPipeline().flatMap { channel.pipeline.addHandler(judge) }
        }.bind(host: "127.0.0.1", port: 0).get()
        try await body(judge, channel, try #require(channel.localAddress?.port))
        // A test may have closed it.
        try? await channel.close()
    }

    @Test("another server is not asked more often than one address may ask")
    func forwardedLimit() async throws {
        try await Self.withJudge { judge, _, port in
            try await GatewayFixture.run(configure: {
                $0.forwardAuth = "http://127.0.0.1:\(port)/check"
                $0.limits = GatewayConfiguration.Limits(requestsPerSecond: 1, burst: 2)
            }) { gateway in
                judge.status.withLock { $0 = .unauthorized }
                let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                    for _ in 0..<30 { group.addTask { try await gateway.get("/ctrl/status").status } }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(statuses.contains(429) && Set(statuses).isSubset(of: [401, 429]))
                #expect(judge.heads.withLock { $0.count } == statuses.count { $0 == 401 })
            }
        }
    }

    @Test("behind another server, callers with credentials of their own have idempotency keys of their own")
    func forwardedRepetition() async throws {
        try await Self.withJudge { _, _, port in
            try await GatewayFixture.run(configure: { $0.forwardAuth = "http://127.0.0.1:\(port)/check" }) { gateway in
                func connect(_ token: String) async throws -> String? {
                    try await gateway.connect(
                        #"{"spawn_config":{"executable":{"image":"app"}}}"#,
                        headers: [("Authorization", "Bearer \(token)"), ("Idempotency-Key", "1")])["backend_id"]?.text
                }
                let first = try #require(try await connect("one"))
                #expect(try await connect("one") == first)
                #expect(try #require(try await connect("two")) != first)
            }
        }
    }

    @Test("another server that never answers is no permission: 502 within its five seconds", .timeLimit(.minutes(2)))
    func silentJudge() async throws {
        let held = Mutex<[any Channel]>([])
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton).childChannelInitializer { channel in
            held.withLock { $0.append(channel) }
            return channel.eventLoop.makeSucceededVoidFuture()
        }.bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(channel.localAddress?.port)
        try await GatewayFixture.run(configure: { $0.forwardAuth = "http://127.0.0.1:\(port)/check" }) { gateway in
            let answer = try await gateway.connect(#"{"spawn_config":{"executable":{"image":"app"}}}"#)
            #expect(answer.status == 502 && answer.body == "Error forwarding auth.")
            #expect(gateway.drone.requests.isEmpty && held.withLock { !$0.isEmpty })
        }
        try await channel.close()
    }

    @Test("another server decides about /ctrl: it sees the head with the path, 2xx lets through, a redirect does not")
    func forwarded() async throws {
        try await Self.withJudge { judge, channel, port in
            try await GatewayFixture.run(configure: { $0.forwardAuth = "http://127.0.0.1:\(port)/check" }) { gateway in
                #expect(
                    try await gateway.connect(#"{"spawn_config":{"executable":{"image":"app"}}}"#, headers: [("Authorization", "Bearer abc")]).status == 200)
                let head = try #require(judge.heads.withLock { $0.last })
                #expect(head.method == .POST && head.uri == "/check" && head.headers.first(name: "x-original-path") == "/connect")
                #expect(head.headers.first(name: "authorization") == "Bearer abc" && head.headers.first(name: "content-length") ?? "0" == "0")
                #expect(head.headers["host"] == ["127.0.0.1:\(gateway.port)"])
                judge.status.withLock { $0 = .found }
                let refused = try await gateway.get("/ctrl/status?x=1")
                #expect(refused.status == 401 && refused.body == "Unauthorized")
                #expect(judge.heads.withLock { $0.last?.headers.first(name: "x-original-path") } == "/status")
                #expect(try await gateway.get("/ctrl/unknown").status == 401)
                // However a path is written, nothing is reached that the other server was not asked about.
                let made = gateway.drone.requests.count
                for path in ["/%63trl/connect", "/%43trl/connect", "/ctrl/%63onnect", "/ctrl%2Fconnect"] {
                    let past = try await gateway.post(path, #"{"spawn_config":{"executable":{"image":"app"}}}"#)
                    #expect([401, 404].contains(past.status), "\(path)")
                }
                let own = [("Origin", "http://127.0.0.1:\(gateway.port)")]
                for path in ["/%70age/b/any/terminate", "/page/b/any/terminate", "/%63trl/b/any/hard-terminate"] {
                    #expect([401, 404].contains(try await gateway.post(path, headers: own).status), "\(path)")
                }
                #expect(gateway.drone.requests.count == made)
                for path in ["/", "/page/events", "/page/style.css"] { #expect(try await gateway.get(path).status == 401, "\(path)") }
                #expect(judge.heads.withLock { $0.last?.headers.first(name: "x-original-path") } == "/page/style.css")
                #expect(try await gateway.get("/ctrl/status?x=1").status == 401)
                let count = judge.heads.withLock { $0.count }
                #expect(try await gateway.get("/pub/health").status == 200)
                #expect(judge.heads.withLock { $0.count } == count)
                try await channel.close()
                let gone = try await gateway.get("/ctrl/status")
                #expect(gone.status == 502 && gone.body == "Error forwarding auth.")
                #expect(gateway.log.text.contains("gateway.forward_auth gives no answer"))
            }
        }
    }
}
