import Foundation
import GatewayCore
import GatewayHTTP
import GatewayHTTPConfiguration
import JSONValues
import NIOHTTP1
import PlaneProtocol
import PlaneTestSupport
import Testing

/// What clients of Plane 0.5 in the field send, request for request, and what each of them reads of the answer.
@Suite("Clients of Plane 0.5") struct ClientTests {
    /// As their decoders have it: every key there, and each of its type.
    private static func demandConnectResponse(_ answer: Answer, spawned: Bool) throws {
        #expect(answer.status == 200 && answer.headers.first(name: "content-type") == "application/json")
        #expect(answer["spawned"] == .bool(spawned))
        for key in ["backend_id", "status", "token", "url", "status_url"] { #expect(answer[key]?.text?.isEmpty == false, "\(key)") }
        #expect(answer["status"]?.text.flatMap { GatewayStatus(rawValue: $0) } != nil)
        for key in ["subdomain", "secret_token", "drone"] {
            let value = try #require(answer[key], "\(key) is there, if only as null")
            #expect(value == .null || value.text != nil, "\(key)")
        }
    }

    private static let official = [("Authorization", "Bearer t0ken"), ("Accept", "*/*")]
    private static let recipe =
        #"{"id":null,"cluster":"plane.test","pool":"","executable":{"image":"app","pull_policy":null,"credentials":null,"env":{},"resource_limits":{"cpu_period":null,"cpu_period_percent":null,"cpu_time_limit":null,"memory_limit_bytes":null,"disk_limit_bytes":null},"mount":null,"network_name":null},"lifetime_limit_seconds":null,"max_idle_seconds":500,"use_static_token":false,"subdomain":null}"#

    @Test("the Rust library and its command line: null for what is absent, null as a body, Bearer on /ctrl, every key decoded")
    func rust() async throws {
        try await GatewayFixture.run { gateway in
            func post(_ path: String, _ body: String) async throws -> Answer { try await gateway.post(path, body, headers: Self.official) }
            let key = #"{"name":"room","namespace":"","tag":""}"#
            let first = try await post("/ctrl/connect", #"{"key":\#(key),"spawn_config":\#(Self.recipe),"user":null,"auth":{}}"#)
            try Self.demandConnectResponse(first, spawned: true)
            #expect(first.body.contains("\"ready_in_ms\":120"), "when the drone expects it to be ready")
            #expect(first["ignored"] == nil, "all that they send means something")
            let second = try await post("/ctrl/connect", #"{"key":\#(key),"spawn_config":null,"user":"u1","auth":{"role":"editor"}}"#)
            try Self.demandConnectResponse(second, spawned: false)
            #expect(second["ready_in_ms"] == nil)
            #expect(second["backend_id"] == first["backend_id"] && second["drone"] == .null)
            let backend = try #require(first["backend_id"]?.text)

            #expect(try await gateway.get("/ctrl/status", headers: Self.official)["status"] == .string("ok"))
            for key in ["version", "hash"] { #expect(try await gateway.get("/ctrl/status", headers: Self.official)[key]?.text != nil) }
            #expect(try await gateway.get("/pub/health").status == 200)
            try await eventually("its status is that of the recipe's end") {
                try await gateway.get("/pub/b/\(backend)/status")["status"] == .string("ready")
            }
            let events = try await gateway.events(
                "/pub/b/\(backend)/status-stream", headers: [("Accept", "text/event-stream"), ("Last-Event-ID", " loading")]
            ) { $0.contains("id: ready\n\n") }
            let words = events.split(separator: "\n").filter { $0.hasPrefix("id:") }.map { $0.dropFirst(3).trimmingPrefix(" ") }
            #expect(words == ["starting", "waiting", "ready"])

            let state = try await gateway.get("/ctrl/c/plane.test/state", headers: Self.official)
            let drone = try #require(state["drones"]?.items.first)
            for key in ["ready", "draining", "last_heartbeat_age", "backend_count", "node"] { #expect(drone[key] != nil, "\(key)") }
            for key in ["name", "plane_version", "plane_hash", "controller", "controller_heartbeat_age"] { #expect(drone["node"]?[key] != nil, "\(key)") }
            #expect(state["proxies"] == .array([]))

            let revoked = try await post("/ctrl/revoke", #"{"backend_id":"\#(backend)","user":"u1"}"#)
            #expect(revoked.status == 200 && revoked.body == "null")
            let drained = try await post("/ctrl/c/plane.test/d/drone-a/drain", "null")
            #expect(drained.status == 200 && drained["updated"] == .bool(true))
            for kind in ["soft", "hard"] {
                let terminated = try await post("/ctrl/b/\(backend)/\(kind)-terminate", "null")
                #expect(terminated.status == 200 && terminated.body == "null")
            }
            // Each refusal has the three keys, and a word that its decoder knows.
            let refusals = [
                try await post("/ctrl/connect", #"{"key":{"name":"room","namespace":"","tag":"other"},"spawn_config":null,"user":null,"auth":{}}"#),
                try await post("/ctrl/connect", #"{"key":{"name":"free","namespace":"","tag":""},"spawn_config":null,"user":null,"auth":{}}"#),
                try await post("/ctrl/b/nobody/soft-terminate", "null"), try await gateway.get("/pub/b/nobody/status"),
            ]
            for (refusal, (status, kind)) in zip(refusals, [(409, "KeyHeld"), (409, "KeyUnheldNoSpawnConfig"), (404, "NotFound"), (404, "NotFound")]) {
                #expect(refusal.status == status && refusal["kind"] == .string(kind))
                #expect(refusal["id"]?.text != nil && refusal["message"]?.text != nil)
            }
        }
    }

    @Test("its tests: URLs by the cluster's port and the subdomain, pools, no drone, a status that only rises")
    func rustTests() async throws {
        try await GatewayFixture.run { gateway in
            let cluster = #""cluster":"plane.test:9090","#
            #expect(try await gateway.connect(#"{"spawn_config":{\#(cluster)"executable":{"image":"app"}}}"#)["kind"] == .string("NoDroneAvailable"))
            let pool = try await gateway.connect(#"{"spawn_config":{"pool":"large","executable":{"image":"app"}}}"#)
            #expect(pool.status == 500 && pool["kind"] == .string("NoDroneAvailable") && pool["message"] == .string("No active drone available."))
            let named = try await gateway.connect(key: "room", config: #","subdomain":"play""#)
            let token = try #require(named["token"]?.text)
            #expect(named["url"] == .string("https://play.plane.test/\(token)/") && named["subdomain"] == .string("play"))
            let backend = try #require(named["backend_id"]?.text)
            let events = try await gateway.events("/pub/b/\(backend)/status-stream") { $0.contains("id: ready\n\n") }
            let seen = try events.split(separator: "\n").filter { $0.hasPrefix("id: ") }.map { try #require(GatewayStatus(rawValue: String($0.dropFirst(4)))) }
            #expect(seen == seen.sorted() && Set(seen).count == seen.count)
        }
    }

    @Test("Jamsocket's command line: no cluster, undefined keys left out, terminate without a body; every answer is exactly 200")
    func jamsocketCommandLine() async throws {
        try await GatewayFixture.run { gateway in
            let first = try await gateway.connect(
                #"{"key":{"name":"room","tag":"sha256:0a1b"},"user":"u1","auth":{"x":1},"spawn_config":{"executable":{"image":"app","pull_policy":"Never","env":{"LOG":"1"},"mount":false,"resource_limits":{}},"max_idle_seconds":300,"use_static_token":false}}"#
            )
            try Self.demandConnectResponse(first, spawned: true)
            // spawn: false
            let second = try await gateway.connect(#"{"key":{"name":"room","tag":"sha256:0a1b"}}"#)
            try Self.demandConnectResponse(second, spawned: false)
            let backend = try #require(first["backend_id"]?.text)
            #expect(gateway.drone.requests.first?.executable.pullPolicy == .never)
            for kind in ["soft", "hard"] {
                let answer = try await gateway.post("/ctrl/b/\(backend)/\(kind)-terminate")
                #expect(answer.status == 200 && answer.body == "null")
            }
            // A changed image is another tag.
            let changed = try await gateway.connect(#"{"key":{"name":"room","tag":"sha256:ffff"},"spawn_config":{"executable":{"image":"app"}}}"#)
            #expect(changed.status == 409 && changed["kind"] == .string("KeyHeld"))
        }
    }

    @Test("the browser's client: a question behind the address, a stream beside it, one event in one piece, for pages of every site")
    func browser() async throws {
        try await GatewayFixture.run { gateway in
            let answer = try await gateway.post("/ctrl/connect?wait=ready", #"{"key":{"name":"room"},"spawn_config":{"executable":{"image":"app"}}}"#)
            let address = try #require(answer["status_url"]?.text)
            let path = try #require(address.split(separator: "\(gateway.port)", maxSplits: 1).last.map(String.init))
            let origin = [("Origin", "https://app.example")]
            let status = try await gateway.get("\(path)?0.8472", headers: origin)
            #expect(status.status == 200 && status["status"] == .string("ready"))
            #expect(status.headers.first(name: "access-control-allow-origin") == "*")

            let stream = try await LoopbackConnection(port: gateway.port)
            try await stream.send("GET \(path)/stream?0.1234 HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: https://app.example\r\n\r\n")
            let bytes = try await stream.receive { String(decoding: $0, as: UTF8.self).contains("id: ready\n\n\r\n") }
            let parts = String(decoding: bytes, as: UTF8.self).components(separatedBy: "\r\n\r\n")
            #expect(parts[0].hasPrefix("HTTP/1.1 200 ") && parts[0].lowercased().contains("access-control-allow-origin: *"))
            // Chunks: a length and its bytes. The client parses each by itself.
            let lines = parts.dropFirst().joined(separator: "\r\n\r\n").components(separatedBy: "\r\n")
            let chunks = stride(from: 1, to: lines.count, by: 2).map { lines[$0] }.filter { !$0.isEmpty }
            #expect(chunks.count == 5)
            for chunk in chunks { #expect(chunk.hasPrefix("data:{") && chunk.hasSuffix("\n\n") && chunk.components(separatedBy: "data:").count == 2) }
        }
    }

    @Test(
        "what only Jamsocket's hosted interface has is not found",
        arguments: ["/v2/service/a/b/connect", "/v2/backend/b1/status", "/v2/backend/b1/status/stream"])
    func hosted(path: String) async throws {
        try await GatewayFixture.run { gateway in
            let answer = try await gateway.post(path, "{}")
            #expect(answer.status == 404)
        }
    }

    @Test("libraries in containers and y-sweet: the environment they start with, which nothing in a recipe replaces")
    func environment() async throws {
        try await GatewayFixture.run { gateway in
            let answer = try await gateway.connect(
                #"{"key":{"name":"doc-1","namespace":"n"},"spawn_config":{"executable":{"image":"y-sweet","env":{"SESSION_BACKEND_KEY":"other","PORT":"1"}},"use_static_token":true}}"#
            )
            let environment = try #require(gateway.drone.requests.first?.executable.env)
            #expect(environment["SESSION_BACKEND_KEY"]?.exposed == "doc-1" && environment["SESSION_BACKEND_ID"]?.exposed == answer["backend_id"]?.text)
            #expect(environment["SESSION_BACKEND_STATIC_TOKEN"]?.exposed == answer["token"]?.text && environment["PORT"]?.exposed == "8080")
            // The agent puts the fencing token into the environment; an integer that the schedulers give.
            let fencingToken = try #require(gateway.drone.requests.first?.fencingToken)
            #expect(fencingToken > 0)
        }
    }

    @Test("web servers that make the request by hand: keys that mean nothing are passed over, at every level")
    func byHand() async throws {
        try await GatewayFixture.run { gateway in
            let answer = try await gateway.connect(
                #"{"cluster":"","metadata":{"a":1},"key":{"name":"room","namespace":"shop","tag":"v3","x":1},"spawn_config":{"executable":{"image":"app","command":[],"resource_limits":{"memory_limit_bytes":1000000000,"x":null}},"max_idle_seconds":60,"lifetime_limit_seconds":3600,"x":[]}}"#
            )
            try Self.demandConnectResponse(answer, spawned: true)
            let request = try #require(gateway.drone.requests.first)
            #expect(request.maxIdle == 60 && request.terms.lifetimeLimit == 3600 && request.executable.resourceLimits.memoryLimitBytes == 1_000_000_000)
        }
    }
}
