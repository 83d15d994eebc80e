import GatewayHTTP
import GatewayHTTPConfiguration
import GatewayCore
import JSONValues
import Logging
import NATS
import NIOHTTP1
import PlaneClient
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneState
import PlaneTestSupport
import Synchronization
import Testing

@Suite struct ConnectTests {
    @Test("the smallest request makes a backend, and the answer has every key that clients decode")
    func spawned() async throws {
        try await GatewayFixture.run { gateway in
            let answer = try await gateway.connect(#"{"spawn_config":{"executable":{"image":"app"}}}"#)
            #expect(answer.status == 200)
            #expect(answer.headers.first(name: "content-type") == "application/json")
            let backend = try #require(answer["backend_id"]?.text)
            let token = try #require(answer["token"]?.text)
            #expect(answer["spawned"] == .bool(true) && answer["status"] == .string("scheduled") && answer["drone"] == .string("drone-a"))
            #expect(answer["url"] == .string("https://plane.test/\(token)/") && token.utf8.count == 43)
            #expect(answer["subdomain"] == .null && answer["secret_token"]?.text?.utf8.count == 43)
            #expect(answer["status_url"] == .string("http://127.0.0.1:\(gateway.port)/pub/b/\(backend)/status"))
            #expect(answer["backend_url"]?.text?.hasPrefix("http://\(backend).plane.test:8080/_plane_auth?token=") == true)
            let request = try #require(gateway.drone.requests.first)
            #expect(request.backendID.rawValue == backend && request.executable.image == "app" && request.maxIdle == BackendTerms.endless)
            #expect(request.executable.env["SESSION_BACKEND_ID"]?.exposed == backend && request.executable.env["PORT"] == "8080")
            #expect(request.executable.env["SESSION_BACKEND_KEY"]?.exposed.hasPrefix("lk-") == true)
        }
    }

    @Test("what official clients send, with null everywhere, is understood")
    func official() async throws {
        try await GatewayFixture.run { gateway in
            let answer = try await gateway.connect(
                #"{"key":null,"spawn_config":{"id":null,"cluster":"plane.test","pool":"","executable":{"image":"app","pull_policy":null,"credentials":null,"env":{},"resource_limits":{"cpu_period":null,"cpu_period_percent":null,"cpu_time_limit":null,"memory_limit_bytes":null,"disk_limit_bytes":null},"mount":null,"network_name":null},"lifetime_limit_seconds":null,"max_idle_seconds":500,"use_static_token":false,"subdomain":null},"user":null,"auth":{}}"#
            )
            #expect(answer.status == 200)
            #expect(gateway.drone.requests.first?.maxIdle == 500)
        }
    }

    @Test("keys of a request that mean nothing are told in its answer, and once in the log")
    func ignoredKeys() async throws {
        try await GatewayFixture.run { gateway in
            for _ in 0..<2 {
                let answer = try await gateway.connect(#"{"key":{"name":"room"},"spawn_config":{"max_idle_second":60,"executable":{"image":"app"}}}"#)
                #expect(answer.status == 200)
                #expect(answer["ignored"] == .array([.string("spawn_config.max_idle_second")]))
            }
            let lines = gateway.log.entries.filter { $0.message == "keys of requests to connect mean nothing here, and are ignored" }
            #expect(lines.map { "\($0.metadata["keys"] ?? "")" } == ["spawn_config.max_idle_second"])
            #expect(try await gateway.connect(#"{"key":{"name":"room"}}"#)["ignored"] == nil)
        }
    }

    @Test("a key leads to the same backend again, each visitor with a token of its own, and its record is in the stream before the answer")
    func reused() async throws {
        try await GatewayFixture.run { gateway in
            let first = try await gateway.connect(
                #"{"key":{"name":"room","namespace":"games"},"user":"u1","auth":{"role":"editor"},"spawn_config":{"executable":{"image":"app"}}}"#)
            let second = try await gateway.connect(#"{"key":{"name":"room","namespace":"games"},"user":"u2"}"#)
            #expect(first["spawned"] == .bool(true) && second["spawned"] == .bool(false))
            #expect(first["backend_id"] == second["backend_id"] && first["token"] != second["token"] && second["drone"] == .null)
            let token = try #require(first["token"]?.text.flatMap { VisitorToken(text: $0) })
            let stored = try #require(
                try await gateway.client.bus.connection.jetStream.lastMessage(stream: TokenRecord.stream, subject: TokenRecord.subject(of: token.hash)))
            let record = try WireCodec.decode(TokenRecord.self, from: stored.payload)
            #expect(record.user == "u1" && record.auth == .object(["role": .string("editor")]) && record.secret?.exposed == first["secret_token"]?.text)
            #expect(record.backend.rawValue == first["backend_id"]?.text && record.lifetime == 3600)
            #expect(!String(decoding: stored.payload, as: UTF8.self).contains(token.text.exposed))
            #expect(gateway.drone.requests.count == 1)
        }
    }

    @Test("the holder of a key is answered from memory, and no scheduler is asked again for the token of its drone's proxy, which the state does not hold")
    func remembered() async throws {
        try await GatewayFixture.run { gateway in
            let connection = gateway.client.bus.connection
            let asked = Mutex<[String]>([])
            let requests = try connection.subscribe(FetchBackendForLock.subscription)
            let listener = Task { for await request in requests { asked.withLock { $0.append(String(decoding: request.payload, as: UTF8.self)) } } }
            try await connection.flush()
            let first = try await gateway.connect(key: "room")
            let id = try #require(first["backend_id"]?.text.flatMap { BackendID(rawValue: $0) })
            try await eventually("the state has it") { gateway.gateway.fleet.mirror.ask { $0.backend(id, in: gateway.drone.cluster)?.state == .ready } }
            for _ in 0..<5 {
                let again = try await gateway.connect(key: "room")
                #expect(again["spawned"] == .bool(false) && again["backend_url"] == first["backend_url"] && again["backend_url"]?.text != nil)
            }
            // One that must be asked for is heard, so that the others would have been, too.
            #expect(try await gateway.connect(#"{"key":{"name":"another"}}"#).status == 409)
            _ = try? await gateway.client.holder(of: try #require(LockName(rawValue: "sentinel")), in: gateway.drone.cluster)
            try await eventually("the request is heard") { asked.withLock { $0.contains { $0.contains("sentinel") } } }
            #expect(asked.withLock { $0.filter { $0.contains("room") } }.isEmpty)
            listener.cancel()
        }
    }

    @Test("fifty calls at once with one key make one backend")
    func raced() async throws {
        try await GatewayFixture.run { gateway in
            let answers = try await withThrowingTaskGroup(of: Answer.self) { group in
                for _ in 0..<50 { group.addTask { try await gateway.connect(key: "room") } }
                return try await group.reduce(into: [Answer]()) { $0.append($1) }
            }
            #expect(answers.allSatisfy { $0.status == 200 })
            #expect(answers.count { $0["spawned"] == .bool(true) } == 1)
            #expect(Set(answers.compactMap { $0["backend_id"]?.text }).count == 1)
            #expect(Set(answers.compactMap { $0["token"]?.text }).count == 50)
            #expect(gateway.drone.requests.count == 1)
        }
    }

    @Test("a static token is the backend's: every visitor has it, and its subdomain")
    func staticToken() async throws {
        try await GatewayFixture.run { gateway in
            let first = try await gateway.connect(key: "room", config: #","use_static_token":true,"subdomain":"play""#)
            let second = try await gateway.connect(#"{"key":{"name":"room"},"user":"u2"}"#)
            let token = try #require(first["token"]?.text)
            #expect(token.hasPrefix("s.") && first["secret_token"] == .null && first["url"] == .string("https://play.plane.test/\(token)/"))
            #expect(second["token"] == first["token"] && second["url"] == first["url"] && second["subdomain"] == .string("play"))
            #expect(gateway.drone.requests.first?.executable.env["SESSION_BACKEND_STATIC_TOKEN"]?.exposed == token)
            #expect(gateway.drone.requests.first?.terms.staticTokenHash == TokenHash(of: token))
        }
    }

    @Test("refusals have the status and the word that clients test for")
    func refusals() async throws {
        try await GatewayFixture.run { gateway in
            let nothing = try await gateway.connect("{}")
            #expect(nothing.status == 409 && nothing["kind"] == .string("KeyUnheldNoSpawnConfig"))
            #expect(nothing["id"]?.text?.utf8.count == 14 && nothing["message"] == .string("Lock is unheld but no spawn config was provided."))
            let free = try await gateway.connect(#"{"key":{"name":"free"}}"#)
            #expect(free.status == 409 && free["kind"] == .string("KeyUnheldNoSpawnConfig"))
            let elsewhere = try await gateway.connect(#"{"spawn_config":{"cluster":"nowhere.test","executable":{"image":"app"}}}"#)
            #expect(elsewhere.status == 500 && elsewhere["kind"] == .string("NoDroneAvailable") && elsewhere.headers.contains(name: "retry-after"))
            _ = try await gateway.connect(#"{"spawn_config":{"id":"mine","executable":{"image":"app"}}}"#)
            let used = try await gateway.connect(#"{"spawn_config":{"id":"mine","executable":{"image":"app"}}}"#)
            #expect(used.status == 500 && used["kind"] == .string("FailedToAcquireKey"))
        }
    }

    @Test("a key is one over all clusters: its holder answers for another one, too, and a free key stays for a minute where it was")
    func otherCluster() async throws {
        try await GatewayFixture.run { gateway in
            let other = try TestDrone(gateway.client, "drone-b", cluster: "other.test")
            try await gateway.with(other) {
                func connect(in cluster: String) async throws -> Answer {
                    try await gateway.connect(#"{"key":{"name":"room"},"spawn_config":{"cluster":"\#(cluster)","executable":{"image":"app"}}}"#)
                }
                let first = try await connect(in: "plane.test")
                let backend = try #require(first["backend_id"]?.text.flatMap { BackendID(rawValue: $0) })
                let second = try await connect(in: "other.test")
                #expect(second["backend_id"] == first["backend_id"] && second["spawned"] == .bool(false))
                #expect(second["url"]?.text?.hasPrefix("https://plane.test/") == true && other.requests.isEmpty)
                #expect(try await gateway.home(of: BackendKey(name: "room")!)?.cluster == gateway.drone.cluster)
                gateway.drone.report(backend, .exited)
                try await eventually("the state shows the end") {
                    gateway.gateway.fleet.mirror.ask { $0.backend(backend, in: gateway.drone.cluster)?.state == .exited }
                }
                let early = try await connect(in: "other.test")
                #expect(early.status == 500 && early["kind"] == .string("FailedToAcquireKey") && early.headers.contains(name: "retry-after"))
                #expect(early["detail"]?.text?.contains("plane.test") == true && other.requests.isEmpty)
                #expect(try await connect(in: "plane.test")["spawned"] == .bool(true))
                #expect(
                    try await gateway.connect(#"{"key":{"name":"hall"},"spawn_config":{"cluster":"other.test","executable":{"image":"app"}}}"#).status == 200)
                #expect(other.requests.count == 1)
            }
        }
    }

    @Test("who waits for a backend that ends before it is ready is told so at once")
    func waitEnd() async throws {
        try await GatewayFixture.run(course: .loading) { gateway in
            async let told = gateway.post(
                "/ctrl/connect?wait=ready&wait_secs=300", #"{"key":{"name":"room"},"spawn_config":{"executable":{"image":"app"}}}"#)
            try await eventually("it is asked for") { !gateway.drone.requests.isEmpty }
            gateway.drone.report(try #require(gateway.drone.requests.first).backendID, .errorLoading)
            let answer = try await told
            #expect(answer.status == 200 && answer["status"] == .string("terminated") && answer["spawned"] == .bool(true), "\(answer.body)")
        }
    }

    @Test("without a default cluster, a recipe has to name one")
    func noCluster() async throws {
        try await GatewayFixture.run(configure: { $0.defaultCluster = nil }) { gateway in
            let answer = try await gateway.connect(#"{"spawn_config":{"executable":{"image":"app"}}}"#)
            #expect(answer.status == 400 && answer["kind"] == .string("NoClusterProvided"))
        }
    }

    @Test("a key that its backend has left is free at once")
    func successor() async throws {
        try await GatewayFixture.run { gateway in
            let first = try await gateway.connect(key: "room")
            let backend = try #require(first["backend_id"]?.text.flatMap { BackendID(rawValue: $0) })
            gateway.drone.report(backend, .exited)
            try await eventually("the end is known") { try await gateway.get("/pub/b/\(backend)/status")["status"] == .string("terminated") }
            try await eventually("the state shows it") {
                gateway.gateway.fleet.mirror.ask { $0.backend(backend, in: gateway.drone.cluster)?.state == .exited }
            }
            let second = try await gateway.connect(key: "room")
            #expect(second["spawned"] == .bool(true) && second["backend_id"] != first["backend_id"])
        }
    }

    @Test("a holder that is ending is waited for, and then there is a successor")
    func ending() async throws {
        try await GatewayFixture.run { gateway in
            let first = try await gateway.connect(key: "room")
            let backend = try #require(first["backend_id"]?.text.flatMap { BackendID(rawValue: $0) })
            gateway.drone.report(backend, .ready, BackendStatusDetail(ending: BackendEnding(.soft, .external, at: .now())))
            try await eventually("its end has begun") {
                gateway.gateway.fleet.mirror.ask { $0.backend(backend, in: gateway.drone.cluster)?.isEnding ?? false }
            }
            let answer = try await withThrowingTaskGroup(of: Answer?.self) { group in
                group.addTask { try await gateway.connect(key: "room") }
                group.addTask {
                    // Whoever waits asks again when it has ended.
                    gateway.drone.report(backend, .terminated)
                    return nil
                }
                return try await group.reduce(nil) { $0 ?? $1 }
            }
            #expect(answer?["spawned"] == .bool(true) && answer?["backend_id"] != first["backend_id"])
        }
    }

    @Test("a repetition with the same idempotency key leads to the same backend")
    func idempotent() async throws {
        try await GatewayFixture.run { gateway in
            let body = #"{"spawn_config":{"executable":{"image":"app"}}}"#
            let first = try await gateway.connect(body, headers: [("Idempotency-Key", "order-1")])
            let id = try #require(first["backend_id"]?.text.flatMap { BackendID(rawValue: $0) })
            try await eventually("it is in the state") { gateway.gateway.fleet.mirror.ask { $0.drone(of: id, in: gateway.drone.cluster) != nil } }
            let second = try await gateway.connect(body, headers: [("Idempotency-Key", "order-1")])
            let third = try await gateway.connect(body, headers: [("Idempotency-Key", "order-2")])
            #expect(second.status == 200 && second["backend_id"] == first["backend_id"] && third["backend_id"] != first["backend_id"])
            #expect(gateway.drone.requests.count == 2)
        }
    }

    private static let order = [("Idempotency-Key", "order-1")]

    @Test("a repetition has the first's backend, whatever has become of it: it is told as the first was, with the present status")
    func idempotentEnd() async throws {
        try await GatewayFixture.run { gateway in
            let body = #"{"spawn_config":{"executable":{"image":"app"}}}"#
            let first = try await gateway.connect(body, headers: Self.order)
            let id = try #require(first["backend_id"]?.text.flatMap { BackendID(rawValue: $0) })
            let running = try await gateway.post("/ctrl/connect?wait=ready", body, headers: Self.order)
            #expect(running["backend_id"]?.text == id.rawValue && running["spawned"] == .bool(true) && running["status"] == .string("ready"))
            #expect(running["drone"] == .string("drone-a") && running["token"] != first["token"] && running["backend_url"] == first["backend_url"])
            gateway.drone.report(id, .exited)
            try await eventually("the end is known") { try await gateway.get("/pub/b/\(id)/status")["status"] == .string("terminated") }
            for _ in 0..<2 {
                let ended = try await gateway.connect(body, headers: Self.order)
                #expect(ended.status == 200 && ended["backend_id"]?.text == id.rawValue && ended["status"] == .string("terminated"), "\(ended.body)")
            }
            #expect(gateway.drone.requests.count == 1)
        }
    }

    @Test("a repetition starts nothing anew, however long ago its backend has ended")
    func idempotentLater() async throws {
        try await GatewayFixture.run { gateway in
            let body = #"{"spawn_config":{"executable":{"image":"app"}}}"#
            let first = try await gateway.connect(body, headers: Self.order)
            let id = try #require(first["backend_id"]?.text.flatMap { BackendID(rawValue: $0) })
            gateway.drone.report(id, .exited)
            try await eventually("the end is known") { try await gateway.get("/pub/b/\(id)/status")["status"] == .string("terminated") }
            // What the public feed keeps for a week is gone, and the state still knows the backend.
            _ = try await gateway.client.bus.connection.jetStream.purge(stream: "backend_status", subject: BackendStateMessage.subject(backend: id))
            let later = try await gateway.connect(body, headers: Self.order)
            #expect(later.status == 200 && later["backend_id"]?.text == id.rawValue && later["status"] == .string("terminated"), "\(later.body)")
            #expect(gateway.drone.requests.count == 1)
        }
    }

    @Test("many at once with one idempotency key make one backend")
    func idempotentRace() async throws {
        try await GatewayFixture.run { gateway in
            let answers = try await withThrowingTaskGroup(of: Answer.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        var answer = try await gateway.connect(#"{"spawn_config":{"executable":{"image":"app"}}}"#, headers: Self.order)
                        // Again, where a busy machine needed longer.
                        try await eventually("it is answered", within: .seconds(60)) {
                            if answer.status == 500 {
                                answer = try await gateway.connect(#"{"spawn_config":{"executable":{"image":"app"}}}"#, headers: Self.order)
                            }
                            return answer.status != 500
                        }
                        return answer
                    }
                }
                return try await group.reduce(into: [Answer]()) { $0.append($1) }
            }
            #expect(answers.allSatisfy { $0.status == 200 }, "\(answers.first { $0.status != 200 }?.body ?? "")")
            #expect(Set(answers.compactMap { $0["backend_id"]?.text }).count == 1)
            #expect(gateway.drone.requests.count == 1)
        }
    }

    @Test("where nothing came of the first, because no drone took it, a repetition tries again")
    func idempotentRetry() async throws {
        try await GatewayFixture.run { gateway in
            let body = #"{"spawn_config":{"executable":{"image":"app"}}}"#
            gateway.drone.take(course: .refused)
            for _ in 0..<2 {
                let refused = try await gateway.connect(body, headers: Self.order)
                #expect(refused.status == 500 && refused["kind"] == .string("NoDroneAvailable"), "\(refused.body)")
            }
            gateway.drone.take(course: .ready)
            let first = try await gateway.connect(body, headers: Self.order)
            let second = try await gateway.connect(body, headers: Self.order)
            #expect(first.status == 200 && second.status == 200 && first["backend_id"] == second["backend_id"], "\(first.body) \(second.body)")
            #expect(gateway.drone.requests.count == 3)
        }
    }

    @Test("a repetition that wants a static token is told that of the first, which its backend knows")
    func idempotentStaticToken() async throws {
        try await GatewayFixture.run { gateway in
            let body = #"{"spawn_config":{"executable":{"image":"app"},"use_static_token":true,"subdomain":"play"}}"#
            let first = try await gateway.connect(body, headers: Self.order)
            let second = try await gateway.connect(body, headers: Self.order)
            #expect(first.status == 200 && second["token"] == first["token"] && second["url"] == first["url"] && second["subdomain"] == .string("play"))
            #expect(gateway.drone.requests.map { $0.executable.env["SESSION_BACKEND_STATIC_TOKEN"]?.exposed } == [first["token"]?.text])
        }
    }

    @Test("what all visitors of a backend are told stands in the stream before a drone is asked for it: no gateway's end loses it")
    func toldBefore() async throws {
        try await GatewayFixture.run { gateway in
            gateway.drone.take(course: .refused)
            let refused = try await gateway.connect(#"{"spawn_config":{"executable":{"image":"app"},"use_static_token":true,"subdomain":"play"}}"#)
            #expect(refused.status == 500)
            let request = try #require(gateway.drone.requests.first)
            let text = try #require(request.executable.env["SESSION_BACKEND_STATIC_TOKEN"]?.exposed)
            let jetStream = gateway.client.bus.connection.jetStream
            let opened = try #require(try await jetStream.lastMessage(stream: TokenRecord.stream, subject: OpenedBackend.subject(of: request.backendID)))
            let told = OpenedBackend(staticToken: Secret(text), subdomain: Subdomain(rawValue: "play"))
            #expect(try WireCodec.decode(OpenedBackend.self, from: opened.payload) == told)
            #expect(try await jetStream.lastMessage(stream: TokenRecord.stream, subject: TokenRecord.subject(of: TokenHash(of: text))) != nil)
        }
    }

    @Test("who waits for readiness is answered with it, or with how far it came")
    func waits() async throws {
        try await GatewayFixture.run { gateway in
            let body = #"{"spawn_config":{"executable":{"image":"app"}}}"#
            let ready = try await gateway.post("/ctrl/connect?wait=ready", body)
            #expect(ready["status"] == .string("ready"))
            gateway.drone.take(course: .loading)
            // On a busy machine the drone's first word may take longer than that.
            try await eventually("the answer says how far it came") {
                try await gateway.post("/ctrl/connect?wait=ready&wait_secs=1", body)["status"] == .string("loading")
            }
            #expect(try await gateway.post("/ctrl/connect?wait=never", body).status == 422)
        }
    }
}
