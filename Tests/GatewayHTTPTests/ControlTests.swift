import GatewayHTTP
import GatewayCore
import GatewayHTTPConfiguration
import JSONValues
import Logging
import NATS
import PlaneClient
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneState
import PlaneTestSupport
import Synchronization
import Testing

@Suite struct ControlTests {
    private func backend(_ answer: Answer) throws -> BackendID { try #require(answer["backend_id"]?.text.flatMap { BackendID(rawValue: $0) }) }

    @Test("terminating answers null once the drone knows, with whatever body, softly or hard")
    func terminate() async throws {
        try await GatewayFixture.run { gateway in
            let backend = try self.backend(try await gateway.connect(key: "room"))
            let soft = try await gateway.post("/ctrl/b/\(backend)/soft-terminate", "null")
            #expect(soft.status == 200 && soft.body == "null")
            let hard = try await gateway.post("/ctrl/c/any.test/b/\(backend)/hard-terminate")
            #expect(hard.status == 200 && hard.body == "null")
            #expect(gateway.drone.terminations.map(\.kind) == [.soft, .hard])
            let odd = try await gateway.post("/ctrl/b/\(backend)/soft-terminate", "x", type: "text/odd")
            #expect(odd.status == 200)
        }
    }

    @Test("terminating what has ended is done, what never was is not found")
    func terminateEnded() async throws {
        try await GatewayFixture.run { gateway in
            let backend = try self.backend(try await gateway.connect(key: "room"))
            gateway.drone.report(backend, .exited)
            try await eventually("the end is known") { try await gateway.get("/pub/b/\(backend)/status")["status"] == .string("terminated") }
            #expect(try await gateway.post("/ctrl/b/\(backend)/soft-terminate").status == 200)
            let unknown = try await gateway.post("/ctrl/b/nobody/soft-terminate")
            #expect(unknown.status == 404 && unknown["kind"] == .string("NotFound") && unknown["message"] == .string("Backend does not exist"))
            #expect(try await gateway.post("/ctrl/b/NO_BODY/hard-terminate").status == 404)
        }
    }

    @Test("revoking writes what the tier follows; where nothing matches it is fine too")
    func revoke() async throws {
        try await GatewayFixture.run { gateway in
            let backend = try self.backend(try await gateway.connect(key: "room"))
            let answer = try await gateway.post("/ctrl/b/revoke", #"{"backend_id":"\#(backend)","user":"u1"}"#)
            #expect(answer.status == 200 && answer.body == "\"Token revoked successfully\"")
            let subject = TokenRevocation.Scope.visitor(backend, user: TokenHash(of: "u1")).subject
            #expect(try await gateway.client.bus.connection.jetStream.lastMessage(stream: TokenRecord.stream, subject: subject) != nil)
            #expect(try await gateway.post("/ctrl/revoke", #"{"backend_id":"x","user":"u1"}"#).body == "null")
            #expect(try await gateway.post("/ctrl/b/revoke", #"{"backend_id":"x"}"#).status == 422)
        }
    }

    @Test("draining says whether it changed something, and can be taken back")
    func drain() async throws {
        try await GatewayFixture.run { gateway in
            let path = "/ctrl/c/plane.test/d/drone-a/drain"
            #expect(try await gateway.post(path, "null").body == #"{"updated":true}"#)
            try await eventually("it is known") { try await gateway.get("/ctrl/c/plane.test/state")["drones"]?.items.first?["draining"] == .bool(true) }
            #expect(try await gateway.post(path).body == #"{"updated":false}"#)
            #expect(try await gateway.ask("DELETE", path).body == #"{"updated":true}"#)
            #expect(gateway.drone.drains == [true, true, false])
            let unknown = try await gateway.post("/ctrl/c/plane.test/d/nobody/drain")
            #expect(unknown.status == 404 && unknown["message"] == .string("Drone does not exist"))
            #expect(try await gateway.post("/ctrl/c/other.test/d/drone-a/drain").status == 404)
        }
    }

    @Test("a cluster's state has its drones with their load; an unknown cluster's is empty")
    func clusterState() async throws {
        try await GatewayFixture.run { gateway in
            _ = try await gateway.connect(key: "room")
            let state = try await gateway.get("/ctrl/c/plane.test/state")
            let drone = try #require(state["drones"]?.items.first)
            #expect(drone["ready"] == .bool(true) && drone["node"]?["name"]?["Drone"] == .string("drone-a"))
            #expect(drone["backend_count"]?.integer == 1)
            #expect(try await gateway.get("/ctrl/c/other.test/state").body == #"{"drones":[],"proxies":[]}"#)
            let proxy = ProxyStatusMessage(proxy: try #require(ProxyID(rawValue: "px-1")), cluster: gateway.drone.cluster, version: "9", isReady: true)
            try await eventually("a proxy of the tier is heard") {
                try gateway.client.bus.publish(proxy)
                return try await gateway.get("/ctrl/c/plane.test/state")["proxies"]?.items.first?["name"]?["Proxy"] == .string("px-1")
            }
        }
    }

    @Test("backends are listed by filters and in pages, and one is told whole")
    func lists() async throws {
        try await GatewayFixture.run { gateway in
            for name in ["a", "b", "c"] {
                _ = try await gateway.connect(#"{"key":{"name":"\#(name)","namespace":"n"},"spawn_config":{"id":"id-\#(name)","executable":{"image":"app"}}}"#)
            }
            let id = try #require(BackendID(rawValue: "id-c"))
            try await eventually("the state has them") { gateway.gateway.fleet.mirror.ask { $0.backend(id, in: gateway.drone.cluster)?.state == .ready } }
            let first = try await gateway.get("/ctrl/b?limit=2")
            #expect(first["backends"]?.items.compactMap { $0["backend_id"]?.text } == ["id-a", "id-b"] && first["next"] == .string("id-b"))
            let second = try await gateway.get("/ctrl/b?limit=2&after=id-b")
            #expect(second["backends"]?.items.compactMap { $0["backend_id"]?.text } == ["id-c"] && second["next"] == .null)
            let byKey = try await gateway.get("/ctrl/b?key=b&namespace=n")
            #expect(byKey["backends"]?.items.compactMap { $0["key"]?["name"]?.text } == ["b"])
            #expect(try await gateway.get("/ctrl/b?status=nothing").status == 422)
            #expect(try await gateway.get("/ctrl/b?limit=0").status == 422)
            let whole = try await gateway.get("/ctrl/b/id-c")
            #expect(whole["statuses"]?.items.compactMap { $0["status"]?.text } == ["scheduled", "loading", "starting", "waiting", "ready"])
            #expect(
                whole["phases"]?["ready"]?.integer == 120_000 && whole["holds_key"] == .bool(true)
                    && whole["diagnosis"] == .string("Its program runs, and has answered its drone."))
            #expect(try await gateway.get("/ctrl/b/nobody").status == 404)
            #expect(try await gateway.get("/ctrl/b/id-c/logs")["lines"] == .array([]))
        }
    }

    @Test("backends are found by everything that the list can be asked for, and a backend that ended is told with why")
    func filters() async throws {
        try await GatewayFixture.run { gateway in
            let other = try TestDrone(gateway.client, "drone-b", cluster: "other.test")
            try await gateway.with(other) {
                func start(_ id: String, _ cluster: ClusterName, key: String) async throws -> BackendID {
                    let spawn = #"{"id":"\#(id)","cluster":"\#(cluster)","executable":{"image":"app"}}"#
                    return try self.backend(
                        try await gateway.post("/ctrl/connect?wait=ready", #"{"key":{"name":"\#(key)","namespace":"n"},"spawn_config":\#(spawn)}"#))
                }
                let killed = try await start("id-killed", gateway.drone.cluster, key: "a")
                let there = try await start("id-there", other.cluster, key: "b")
                let here = try await start("my-own", gateway.drone.cluster, key: "c")
                func found(_ query: String) async throws -> [String] {
                    try await gateway.get("/ctrl/b?\(query)")["backends"]?.items.compactMap { $0["backend_id"]?.text } ?? ["\(query)"]
                }
                #expect(try await found("") == ["id-killed", "id-there", "my-own"])
                #expect(try await found("cluster=other.test") == ["id-there"])
                #expect(try await found("drone=drone-a") == ["id-killed", "my-own"])
                #expect(try await found("lock=k1%3A1%3An%3Ab") == ["id-there"])
                #expect(try await found("prefix=id-") == ["id-killed", "id-there"])
                #expect(try await found("prefix=id-&cluster=plane.test&status=ready,waiting") == ["id-killed"])
                #expect(try await found("status=hard-terminating").isEmpty)

                gateway.drone.report(killed, .ready, BackendStatusDetail(ending: BackendEnding(.hard, .external, at: .now())))
                other.report(there, .ready, BackendStatusDetail(ending: BackendEnding(.soft, .swept, at: .now())))
                try await eventually("they are being ended") { try await found("status=hard-terminating,terminating") == ["id-killed", "id-there"] }
                #expect(try await found("status=hard-terminating") == ["id-killed"])
                #expect(try await gateway.get("/ctrl/b/\(killed)")["status"] == .string("hard-terminating"))
                #expect(try await gateway.get("/?q=id-killed").body.contains("hard-terminating"))

                try gateway.client.bus.publish(BackendLogMessage(backendID: killed, kind: .stderr, text: "2024-03-11T09:15:31.004Z the last word\n"))
                gateway.drone.report(killed, .terminated, BackendStatusDetail(exitCode: 137, requestedBy: "ann"))
                gateway.drone.report(here, .failed, BackendStatusDetail(cause: .internalError, message: "no space"))
                try await eventually("both have ended") { try await found("ended=true&status=terminated") == ["id-killed", "my-own"] }
                #expect(try await found("ended=true") == ["id-killed", "id-there", "my-own"])
                #expect(try await found("") == ["id-there"])
                let ended = try await gateway.get("/ctrl/b/\(killed)")
                #expect(
                    ended["status"] == .string("terminated") && ended["exit_code"]?.integer == 137 && ended["requested_by"] == .string("ann"), "\(ended.body)")
                #expect(ended["statuses"]?.items.compactMap { $0["status"]?.text }.suffix(2) == ["hard-terminating", "terminated"])
                #expect(ended["holds_key"] == .bool(false))
                try await eventually("its last line is told") {
                    try await gateway.get("/ctrl/b/\(killed)")["last_lines"]?.items.first?["text"] == .string("the last word")
                }
                let failed = try await gateway.get("/ctrl/b/\(here)")
                #expect(failed["cause"] == .string("internal_error") && failed["message"] == .string("no space"), "\(failed.body)")
                #expect(failed["diagnosis"]?.text?.isEmpty == false)
            }
        }
    }

    @Test("backends are found by their users, of whom no name is written anywhere but in the tokens")
    func users() async throws {
        try await GatewayFixture.run { gateway in
            func connect(_ key: String, _ user: String) async throws -> BackendID {
                try self.backend(
                    try await gateway.post(
                        "/ctrl/connect?wait=ready", #"{"key":{"name":"\#(key)"},"user":"\#(user)","spawn_config":{"executable":{"image":"app"}}}"#))
            }
            let (room, hall) = (try await connect("room", "zoë@example.org"), try await connect("hall", "zoë@example.org"))
            let other = try await connect("room", "u2")
            #expect(other == room)
            func found(_ query: String) async throws -> Set<String> {
                Set(try await gateway.get("/ctrl/b?\(query)")["backends"]?.items.compactMap { $0["backend_id"]?.text } ?? [])
            }
            try await eventually("both are found") { try await found("user=zo%C3%AB%40example.org") == [room.rawValue, hall.rawValue] }
            try await eventually("one is found") { try await found("user=u2") == [room.rawValue] }
            #expect(try await found("user=zo%C3%AB%40example.org&key=hall") == [hall.rawValue])
            for nobody in ["zo%C3%AB", "u3", ""] { #expect(try await found("user=\(nobody)").isEmpty) }
            let page = try await gateway.get("/?q=u2").body
            #expect(page.contains(room.rawValue) && !page.contains(hall.rawValue))
            let live = try await gateway.events("/page/events?q=u2") { $0.contains("\n\n") }
            #expect(live.contains(room.rawValue) && !live.contains(hall.rawValue))
            let subjects = try await gateway.client.bus.connection.jetStream.subjects(in: TokenRecord.stream, matching: VisitRecord.subscription, limit: 10)
            #expect(subjects.count == 3 && !subjects.contains { $0.contains("zo") || $0.contains("u2") })
        }
    }

    @Test("a backend's log is told as it is kept, and as it comes")
    func logs() async throws {
        try await GatewayFixture.run { gateway in
            let backend = try self.backend(try await gateway.connect(key: "room"))
            let line = BackendLogMessage(backendID: backend, kind: .stdout, text: "2024-03-11T09:15:31.004Z hello\n")
            try gateway.client.bus.publish(line)
            try await eventually("the line is kept") {
                try await gateway.get("/ctrl/b/\(backend)/logs?tail=5")["lines"]?.items.first?["text"] == .string("hello")
            }
            let text = try await gateway.events("/ctrl/b/\(backend)/logs/stream") { $0.contains("hello") }
            #expect(text.contains(#"data: {"stream":"stdout","time":"2024-03-11T09:15:31.004Z","text":"hello"}"#))
        }
    }

    @Test("a live log goes on behind the line seen last, ends with its backend, and there is none of a backend that nobody knows")
    func liveLogs() async throws {
        try await GatewayFixture.run { gateway in
            let backend = try self.backend(try await gateway.connect(key: "room"))
            @Sendable func say(_ text: String) throws {
                try gateway.client.bus.publish(BackendLogMessage(backendID: backend, kind: .stdout, text: "\(text)\n"))
            }
            for text in ["one", "two", "three"] { try say(text) }
            let path = "/ctrl/b/\(backend)/logs/stream"
            let all = try await gateway.events(path) { $0.contains("three") }
            let ids = all.split(separator: "\n").filter { $0.hasPrefix("id: ") }.map { String($0.dropFirst(4)) }
            #expect(all.contains("one") && ids.count == 3, "\(all)")
            let rest = try await gateway.events(path, headers: [("Last-Event-ID", ids[1])]) { $0.contains("three") }
            #expect(!rest.contains("two") && rest.contains("id: \(ids[2])\n"))
            let seen = Mutex("")
            async let followed = gateway.events(path) { text in
                seen.withLock { $0 = text }
                return false
            }
            try await eventually("it is followed") { seen.withLock { $0.contains("three") } }
            gateway.drone.report(backend, .exited)
            try say("four")
            #expect(try await followed.contains("four"))
            let ended = try await gateway.events(path) { _ in false }
            #expect(ended.contains("one") && ended.contains("four"))
            #expect(try await gateway.get("/ctrl/b/nobody/logs/stream").status == 404)
            #expect(try await gateway.get("/ctrl/b/nobody/logs").status == 404)
        }
    }

    @Test("a live log tells every line that is kept of a backend that has written much, and then those that come")
    func longLogs() async throws {
        try await GatewayFixture.run { gateway in
            let backend = try self.backend(try await gateway.connect(key: "room"))
            let count = 5000
            @Sendable func say(_ text: String) throws {
                try gateway.client.bus.publish(BackendLogMessage(backendID: backend, kind: .stdout, text: "\(text)\n"))
            }
            for number in 1...count { try say("line \(number).") }
            try await eventually("all are kept") {
                try await gateway.get("/ctrl/b/\(backend)/logs?tail=1")["lines"]?.items.first?["text"] == .string("line \(count).")
            }
            let hasSpoken = Mutex(false)
            let text = try await gateway.events("/ctrl/b/\(backend)/logs/stream") { text in
                let end = String(decoding: text.utf8.suffix(500), as: UTF8.self)
                if end.contains("line \(count)."),
                    hasSpoken.withLock({
                        let was = $0; $0 = true; return !was
                    })
                {
                    try? say("the last one")
                }
                return end.contains("the last one")
            }
            let kept = try await gateway.get("/ctrl/b/\(backend)/logs?tail=500")["lines"]?.items.count ?? 0
            #expect(kept > 100 && text.split(separator: "\n").count { $0.hasPrefix("data: ") } == kept + 1)
        }
    }

    @Test("the metrics of a backend are its next measurement; one that nobody knows has none")
    func metrics() async throws {
        try await GatewayFixture.run { gateway in
            let backend = try self.backend(try await gateway.post("/ctrl/connect?wait=ready", #"{"spawn_config":{"executable":{"image":"app"}}}"#))
            let sample = BackendStatsMessage(
                cluster: gateway.drone.cluster, droneID: gateway.drone.id, backendID: backend, memoryUsedBytes: 42, memoryAvailableBytes: 100,
                cpuUsedNanoseconds: 7, systemCPUNanoseconds: 9)
            let answers = Mutex<[Answer]>([])
            async let asked: Void = {
                let answer = try await gateway.get("/ctrl/b/\(backend)/metrics")
                answers.withLock { $0.append(answer) }
            }()
            try await eventually("a measurement is heard") {
                try gateway.client.bus.publish(sample)
                return answers.withLock { !$0.isEmpty }
            }
            try await asked
            let answer = try #require(answers.withLock { $0.first })
            #expect(answer.status == 200)
            #expect(try WireCodec.decode(BackendStatsMessage.self, from: Array(answer.body.utf8)) == sample)
            #expect(try await gateway.get("/ctrl/b/nobody/metrics").status == 404)
        }
    }

    @Test("every control call that may change something leaves a line, without secrets")
    func audit() async throws {
        try await GatewayFixture.run { gateway in
            let answer = try await gateway.connect(key: "room")
            let backend = try self.backend(answer)
            let line = try #require(gateway.log.entries.first { $0.message == "control call" })
            #expect(line.metadata["call"] == "connect" && line.metadata["backend"] == "\(backend)" && line.metadata["status"] == "200")
            let token = try #require(answer["token"]?.text)
            #expect(!gateway.log.entries.contains { "\($0)".contains(token) })
        }
    }

    @Test("the line says who has called and what came of it, also of what was refused and of what was asked for on the page")
    func audits() async throws {
        let tokens = [
            try #require(APIToken(name: "reader", text: "sha256:\(TokenHash(of: "r")) read")),
            try #require(APIToken(name: "writer", text: "sha256:\(TokenHash(of: "w")) write")),
        ]
        try await GatewayFixture.run(configure: { $0.tokens = tokens }) { gateway in
            func post(_ path: String, _ body: String? = nil, as token: String) async throws -> Answer {
                try await gateway.post(path, body, headers: [("Authorization", "Bearer \(token)")])
            }
            let backend = try self.backend(try await post("/ctrl/connect", #"{"spawn_config":{"executable":{"image":"app"}}}"#, as: "w"))
            for kind in ["soft", "hard"] { #expect(try await post("/ctrl/b/\(backend)/\(kind)-terminate", as: "w").status == 200) }
            #expect(try await post("/ctrl/b/\(backend)/soft-terminate", as: "r").status == 403)
            #expect(try await post("/ctrl/b/revoke", #"{"backend_id":"\#(backend)","user":"u"}"#, as: "w").status == 200)
            #expect(try await post("/ctrl/revocations", #"{"backend_id":"\#(backend)"}"#, as: "w").status == 200)
            #expect(try await post("/ctrl/c/plane.test/d/drone-a/drain", as: "w").status == 200)
            #expect(try await post("/ctrl/c/plane.test/d/drone-a/drain", as: "r").status == 403)
            #expect(try await post("/ctrl/c/plane.test/d/drone-a/drain", as: "x").status == 401)
            let own = [("Origin", "http://127.0.0.1:\(gateway.port)"), ("Cookie", "plane_gateway=w")]
            #expect(try await gateway.post("/page/b/\(backend)/terminate", "kind=hard", type: "application/x-www-form-urlencoded", headers: own).status == 303)
            let lines = gateway.log.entries.filter { $0.message == "control call" }.map { entry in
                ["call", "status", "caller", "backend", "drone"].map { entry.metadata[$0].map { "\($0)" } ?? "-" }.joined(separator: " ")
            }
            #expect(
                lines == [
                    "connect 200 writer \(backend) -", "soft_terminate 200 writer \(backend) -", "hard_terminate 200 writer \(backend) -",
                    "soft_terminate 403 reader \(backend) -", "revoke 200 writer - -", "revocations 200 writer - -", "drain 200 writer - drone-a",
                    "drain 403 reader - drone-a", "drain 401 - - drone-a", "page_terminate 303 writer \(backend) -",
                ], "\(lines)")
        }
    }
}
