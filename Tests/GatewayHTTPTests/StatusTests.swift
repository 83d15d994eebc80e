import Foundation
import GatewayHTTP
import GatewayCore
import JSONValues
import NATS
import NIOCore
import PlaneClient
import PlaneClientTestSupport
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneTestSupport
import Synchronization
import Testing

@Suite struct StatusTests {
    private func start(_ gateway: GatewayFixture) async throws -> BackendID {
        let answer = try await gateway.post("/ctrl/connect?wait=ready", #"{"key":{"name":"room"},"spawn_config":{"executable":{"image":"app"}}}"#)
        return try #require(answer["backend_id"]?.text.flatMap { BackendID(rawValue: $0) })
    }

    @Test("a status is the latest one, under every path that clients use; an unknown backend is not found")
    func status() async throws {
        try await GatewayFixture.run { gateway in
            let backend = try await self.start(gateway)
            for path in ["/pub/b/\(backend)/status", "/pub/c/x.test/b/\(backend)/status", "/pub/b/\(backend)/status?0.123"] {
                try await eventually("it is ready") { try await gateway.get(path)["status"] == .string("ready") }
            }
            let unknown = try await gateway.get("/pub/b/nobody/status")
            #expect(unknown.status == 404 && unknown["kind"] == .string("NotFound"))
        }
    }

    @Test("a stream tells what was and what comes, each status once, in the form of its clients, and ends with the backend")
    func stream() async throws {
        try await GatewayFixture.run { gateway in
            let backend = try await self.start(gateway)
            let text = try await gateway.events("/pub/b/\(backend)/status/stream?0.5", headers: [("Accept", "text/event-stream")]) { text in
                if text.contains("id: ready"), !text.contains("terminated") {
                    gateway.drone.report(backend, .ready, BackendStatusDetail(ending: BackendEnding(.soft, .external, at: .now())))
                    gateway.drone.report(backend, .terminated, BackendStatusDetail(exitCode: 0))
                }
                return false
            }
            let events = text.components(separatedBy: "\n\n").filter { $0.hasPrefix("data:") }
            let ids = events.compactMap { $0.split(separator: "\n").last.map(String.init) }
            #expect(ids == ["id: scheduled", "id: loading", "id: starting", "id: waiting", "id: ready", "id: terminating", "id: terminated"])
            #expect(events[5].contains(#""termination_reason":"external","termination_kind":"soft""#))
            #expect(events.allSatisfy { $0.hasPrefix("data:{\"status\":\"") })
            let last = try #require(events.last?.split(separator: "\n").first?.dropFirst(5))
            #expect(try await gateway.get("/pub/b/\(backend)/status").body == String(last))
        }
    }

    @Test("a stream is resumed behind the status seen last, and not at all behind the last one")
    func resumed() async throws {
        try await GatewayFixture.run { gateway in
            let backend = try await self.start(gateway)
            let path = "/pub/b/\(backend)/status-stream"
            let text = try await gateway.events(path, headers: [("Last-Event-ID", " starting ")]) { $0.contains("id: ready") }
            #expect(text.contains("id: waiting") && !text.contains("id: starting"))
            let all = try await gateway.events(path, headers: [("Last-Event-ID", "nonsense")]) { $0.contains("id: ready") }
            #expect(all.contains("id: scheduled"))
            #expect(try await gateway.get(path, headers: [("Last-Event-ID", "terminated")]).status == 204)
            #expect(try await gateway.get("/pub/b/nobody/status-stream").status == 404)
        }
    }

    @Test("a backend that no drone took has ended, and its stream says so and ends")
    func neverBegan() async throws {
        try await GatewayFixture.run(course: .refused) { gateway in
            let refused = try await gateway.connect(#"{"spawn_config":{"id":"mine","executable":{"image":"app"}}}"#)
            #expect(refused["kind"] == .string("NoDroneAvailable"))
            try await eventually("its end is known") { try await gateway.get("/pub/b/mine/status")["status"] == .string("terminated") }
            #expect(try await gateway.get("/pub/b/mine/status")["exit_error"] == .bool(true))
            let text = try await gateway.events("/pub/b/mine/status-stream") { _ in false }
            #expect(text.contains("id: terminated"))
        }
    }

    @Test("the status of a backend is right however old it is: what the public feed has forgotten the state still holds")
    func old() async throws {
        try await GatewayFixture.run { gateway in
            let backend = try await self.start(gateway)
            func forget() async throws {
                _ = try await gateway.client.bus.connection.jetStream.purge(
                    stream: "backend_status", subject: BackendStateMessage.subject(backend: backend))
            }
            func statuses() async throws -> [String] {
                try await gateway.get("/ctrl/b/\(backend)")["statuses"]?.items.compactMap { $0["status"]?.text } ?? []
            }
            try await eventually("it is ready") { try await gateway.get("/pub/b/\(backend)/status")["status"] == .string("ready") }
            try await forget()
            #expect(try await gateway.get("/pub/b/\(backend)/status")["status"] == .string("ready"))
            #expect(try await statuses() == ["scheduled", "loading", "starting", "waiting", "ready"])
            let text = try await gateway.events("/pub/b/\(backend)/status-stream", headers: [("Last-Event-ID", "starting")]) { $0.contains("id: ready") }
            #expect(text.contains("id: waiting") && !text.contains("id: starting"))
            gateway.drone.report(backend, .ready, BackendStatusDetail(ending: BackendEnding(.hard, .external, at: .now())))
            gateway.drone.report(backend, .terminated, BackendStatusDetail(exitCode: 0))
            try await eventually("its end is known") { try await gateway.get("/pub/b/\(backend)/status")["status"] == .string("terminated") }
            try await forget()
            let ended = try await gateway.get("/pub/b/\(backend)/status")
            #expect(ended["status"] == .string("terminated") && ended["termination_kind"] == .string("hard"), "\(ended.body)")
            #expect(try await statuses().last == "terminated")
        }
    }

    @Test("no consumer is made on the server for a status or a stream of them, whether the public feed has the backend or has forgotten it")
    func consumers() async throws {
        try await GatewayFixture.run { gateway in
            let backend = try await self.start(gateway)
            let connection = gateway.client.bus.connection
            try await eventually("it is ready") { try await gateway.get("/pub/b/\(backend)/status")["status"] == .string("ready") }
            let made = Mutex<[String]>([])
            let requests = try connection.subscribe("$JS.API.CONSUMER.CREATE.>")
            let listener = Task { for await request in requests { made.withLock { $0.append(String(decoding: request.payload, as: UTF8.self)) } } }
            try await connection.flush()
            for _ in 0..<2 {
                #expect(try await gateway.get("/pub/b/\(backend)/status")["status"] == .string("ready"))
                let text = try await gateway.events("/pub/b/\(backend)/status-stream") { $0.contains("id: ready") }
                #expect(text.contains("id: scheduled") && text.contains("id: waiting"))
                _ = try await gateway.events("/backend/\(backend)/status/stream", port: gateway.legacyPort) { $0.contains("Ready") }
                _ = try await connection.jetStream.purge(stream: "backend_status", subject: BackendStateMessage.subject(backend: backend))
            }
            // What is made here is heard, so that what was made before would have been, too.
            for try await _ in try await gateway.client.history(of: .make("another"), follows: false) {}
            try await eventually("a consumer is heard of") { made.withLock { !$0.isEmpty } }
            #expect(made.withLock { $0.filter { !$0.contains("another") } }.isEmpty)
            listener.cancel()
        }
    }

    @Test("a silent stream says that it lives")
    func keepAlive() async throws {
        try await GatewayFixture.run { gateway in
            let backend = try await self.start(gateway)
            let text = try await gateway.events("/pub/b/\(backend)/status-stream") { $0.hasSuffix("\n\n:\n\n") }
            #expect(text.contains("id: ready"))
        }
    }

    @Test("streams of a cluster tell every status")
    func events() async throws {
        try await GatewayFixture.run { gateway in
            async let text = gateway.events("/ctrl/c/plane.test/events") { $0.contains("\"ready\"") }
            try await eventually("somebody listens") { gateway.gateway.fleet.listenerCount > 0 }
            let backend = try await self.start(gateway)
            let events = try await text
            #expect(events.contains("\"backend_id\":\"\(backend)\""))
        }
    }

    @Test("a cluster's statuses come once each, and an end is told as it was asked for, also of a backend that is older than the stream")
    func clusterHistory() async throws {
        try await GatewayFixture.run { gateway in
            let old = try await self.start(gateway)
            try await eventually("it is ready") { try await gateway.get("/pub/b/\(old)/status")["status"] == .string("ready") }
            async let text = gateway.events("/ctrl/c/plane.test/events") { $0.components(separatedBy: "\"terminated\"").count > 2 }
            try await eventually("somebody listens") { gateway.gateway.fleet.listenerCount > 0 }
            let answer = try await gateway.post("/ctrl/connect?wait=ready", #"{"spawn_config":{"executable":{"image":"app"}}}"#)
            let new = try #require(answer["backend_id"]?.text.flatMap { BackendID(rawValue: $0) })
            for backend in [new, old] {
                gateway.drone.report(backend, .ready, BackendStatusDetail(ending: BackendEnding(.hard, .external, at: .now())))
                gateway.drone.report(backend, .terminated, BackendStatusDetail(exitCode: 137))
            }
            let events = try await text.split(separator: "\n").filter { $0.hasPrefix("data: ") }.map {
                try WireCodec.decode(JSONValue.self, from: Array($0.dropFirst(6).utf8))
            }
            func entries(_ backend: BackendID) -> [JSONValue] {
                events.filter { $0["backend_id"] == .string(backend.rawValue) }.compactMap { $0["entry"] }
            }
            #expect(
                entries(new).compactMap { $0["status"]?.text } == ["loading", "starting", "waiting", "ready", "hard-terminating", "terminated"], "\(events)")
            #expect(entries(old).compactMap { $0["status"]?.text } == ["hard-terminating", "terminated"], "\(events)")
            for backend in [new, old] { #expect(entries(backend).last?["termination_kind"] == .string("hard"), "\(events)") }
        }
    }

    @Test("with NATS away there are errors within ten seconds and no silence; streams go on when it is back")
    func outage() async throws {
        try await GatewayFixture.run { gateway in
            let backend = try await self.start(gateway)
            let seen = Mutex("")
            async let stream = gateway.events("/pub/b/\(backend)/status-stream") { text in
                seen.withLock { $0 = text }
                return text.contains("id: terminated")
            }
            try await eventually("the stream has begun") { seen.withLock { $0.contains("id: ready") } }
            await gateway.server.stop()
            for (method, path, body) in [
                ("GET", "/pub/health", nil), ("GET", "/pub/b/\(backend)/status", nil),
                ("POST", "/ctrl/connect", #"{"spawn_config":{"executable":{"image":"a"}}}"#),
                ("GET", "/ctrl/c/plane.test/state", nil), ("GET", "/pub/b/nobody/status-stream", nil),
            ] as [(String, String, String?)] {
                // Again, where a busy machine needed longer.
                try await eventually("\(method) \(path) is answered within ten seconds") {
                    let start = ContinuousClock.now
                    let answer = try await gateway.ask(method, path, body: body)
                    #expect(answer.status == 500 && answer["kind"] == .string("Other"), "\(method) \(path)")
                    return ContinuousClock.now - start < .seconds(10)
                }
            }
            try await gateway.server.startAgain()
            try await eventually("it is healthy again", within: .seconds(60)) { try await gateway.get("/pub/health").status == 200 }
            try await eventually("the end gets through", within: .seconds(60)) {
                gateway.drone.report(backend, .exited)
                return try await gateway.get("/pub/b/\(backend)/status")["status"] == .string("terminated")
            }
            let events = try await stream
            #expect(events.contains("id: terminated"))
        }
    }

    @Test("an answer takes ten seconds at most, also where each of several questions is answered in time, and where none is")
    func deadline() async throws {
        let link = SlowLink()
        try await GatewayFixture.run(link: link) { gateway in
            let backend = try await self.start(gateway)
            try await eventually("it is ready") { try await gateway.get("/pub/b/\(backend)/status")["status"] == .string("ready") }
            // The answers to the questions about a new key come one after the other, each in time.
            link.slow(by: .milliseconds(3900))
            // Again, where a busy machine needed longer.
            let number = Mutex(0)
            try await eventually("a new key is answered in time", within: .seconds(60)) {
                let name = number.withLock {
                    $0 += 1; return $0
                }
                let start = ContinuousClock.now
                let answer = try await gateway.connect(key: "new-\(name)")
                #expect(answer.status == 500 && answer["kind"] == .string("Other"), "\(answer.body)")
                return ContinuousClock.now - start < .seconds(10)
            }
            link.slow(by: .hours(1))
            let asked: [(String, String, String?)] = [
                ("POST", "/ctrl/connect", #"{"key":{"name":"room"}}"#), ("POST", "/ctrl/connect", #"{"spawn_config":{"executable":{"image":"a"}}}"#),
                ("POST", "/ctrl/connect", #"{"key":{"name":"other"}}"#), ("GET", "/pub/b/\(backend)/status", nil),
                ("GET", "/pub/b/\(backend)/status-stream", nil), ("GET", "/ctrl/b/\(backend)", nil), ("GET", "/ctrl/b/\(backend)/logs", nil),
                ("GET", "/ctrl/b/\(backend)/logs/stream", nil), ("GET", "/ctrl/b/\(backend)/metrics", nil), ("GET", "/ctrl/b?user=u", nil),
                ("POST", "/ctrl/b/\(backend)/soft-terminate", nil), ("POST", "/ctrl/b/revoke", #"{"backend_id":"\#(backend)","user":"u"}"#),
                ("POST", "/ctrl/revocations", #"{"backend_id":"\#(backend)"}"#), ("POST", "/ctrl/c/plane.test/d/drone-a/drain", nil),
                ("GET", "/page/b/\(backend)", nil),
            ]
            try await withThrowingTaskGroup(of: Void.self) { group in
                func add(_ method: String, _ path: String, _ body: String?, port: UInt16) {
                    group.addTask {
                        try await eventually("\(method) \(path) is answered in time", within: .seconds(60)) {
                            let start = ContinuousClock.now
                            let answer = try await gateway.ask(method, path, body: body, port: port)
                            #expect(answer.status == 500, "\(method) \(path): \(answer.status) \(answer.body)")
                            return ContinuousClock.now - start < .seconds(10)
                        }
                    }
                }
                for (method, path, body) in asked { add(method, path, body, port: gateway.port) }
                for (method, path, body) in [
                    ("POST", "/service/app/spawn", "{}"), ("GET", "/backend/\(backend)/status", nil), ("GET", "/backend/\(backend)/status/stream", nil),
                ] as [(String, String, String?)] {
                    add(method, path, body, port: gateway.legacyPort)
                }
                try await group.waitForAll()
            }
            link.slow(by: .zero)
        }
    }
}
