import GatewayHTTP
import JSONValues
import NIOHTTP1
import PlaneProtocol
import PlaneTestSupport
import Testing

/// The interface of Plane 0.3.
@Suite struct LegacyTests {
    private func spawn(_ gateway: GatewayFixture, _ body: String, service: String = "app") async throws -> Answer {
        try await gateway.ask("POST", "/service/\(service)/spawn", body: body, port: gateway.legacyPort)
    }

    @Test("a service is spawned with what the body says, and the answer has what 0.3 told")
    func spawned() async throws {
        try await GatewayFixture.run { gateway in
            #expect(try await gateway.get("/", port: gateway.legacyPort).body == "Plane controller HTTP server")
            let answer = try await self.spawn(gateway, #"{"grace_period_seconds":5,"port":9000,"env":{"A":"b","PORT":"1"},"lock":"l1"}"#)
            let name = try #require(answer["name"]?.text)
            #expect(answer.status == 200 && answer["url"] == .string("http://\(name).plane.test:8080") && answer["spawned"] == .bool(true))
            #expect(answer["status_url"] == .string("http://127.0.0.1:\(gateway.legacyPort)/backend/\(name)/status") && answer["bearer_token"] == nil)
            let request = try #require(gateway.drone.requests.first)
            #expect(request.executable.image == "app-image" && request.executable.env == ["A": "b", "PORT": "9000"] && request.maxIdle == 5)
            let again = try await self.spawn(gateway, #"{"lock":"l1"}"#)
            #expect(again["name"] == answer["name"] && again["spawned"] == .bool(false))
            #expect(try await self.spawn(gateway, #"{"require_bearer_token":true}"#)["bearer_token"]?.text != nil)
        }
    }

    @Test(
        "the URL is the one at which the drone says it is reached; of a drone that does not say it, the one of 0.3",
        arguments: [
            ("plane.test", PublicEndpoint(), "http://", "plane.test"), ("localhost:8322", PublicEndpoint(), "http://", "localhost:8322"),
            ("plane.test", PublicEndpoint(scheme: .https), "https://", "plane.test"),
            ("plane.test", PublicEndpoint(scheme: .https, port: 8443), "https://", "plane.test:8443"),
            ("plane.test", PublicEndpoint(scheme: .http), "http://", "plane.test"), ("plane.test", PublicEndpoint(port: 8443), "https://", "plane.test:8443"),
            ("localhost:8322", PublicEndpoint(scheme: .http, port: 8080), "http://", "localhost:8080"),
        ])
    func url(cluster: String, endpoint: PublicEndpoint, scheme: String, authority: String) async throws {
        try await GatewayFixture.run(cluster: cluster, endpoint: endpoint) { gateway in
            // Again, where a busy machine needed longer for the first.
            try await eventually("a backend is spawned", within: .seconds(60)) {
                let answer = try await self.spawn(gateway, "{}")
                guard let name = answer["name"]?.text else { return false }
                #expect(answer["url"] == .string("\(scheme)\(name).\(authority)"))
                return true
            }
        }
    }

    @Test(
        "what is wrong with a request is told by the status",
        arguments: [("{", 400), (#"{"port":"x"}"#, 422), (#"{"lock":"\#(String(repeating: "x", count: 2049))"}"#, 400)])
    func wrong(body: String, status: Int) async throws {
        try await GatewayFixture.run { gateway in
            let answer = try await self.spawn(gateway, body)
            #expect(answer.status == status)
            #expect(try await self.spawn(gateway, "{}", service: "other").status == 404)
            #expect(try await gateway.ask("POST", "/service/app/spawn", body: "{}", type: nil, port: gateway.legacyPort).status == 415)
        }
    }

    @Test("the states are told one by one and as a stream, to every site")
    func states() async throws {
        try await GatewayFixture.run { gateway in
            let name = try #require(try await self.spawn(gateway, "{}")["name"]?.text)
            try await eventually("it is ready") { try await gateway.get("/backend/\(name)/status", port: gateway.legacyPort)["state"] == .string("Ready") }
            let status = try await gateway.get("/backend/\(name)/status", port: gateway.legacyPort)
            #expect(status["backend"] == .string(name) && status["time"]?.text != nil && status.headers.first(name: "access-control-allow-origin") == "*")
            let text = try await gateway.events("/backend/\(name)/status/stream", port: gateway.legacyPort) { $0.contains("\"Ready\"") }
            let states = text.split(separator: "\n").filter { $0.hasPrefix("data: ") }.compactMap {
                try? WireCodec.decode(JSONValue.self, from: Array($0.dropFirst(6).utf8))["state"]?.text
            }
            #expect(states == ["Loading", "Starting", "Ready"])
            #expect(try await gateway.get("/backend/nobody/status", port: gateway.legacyPort).status == 404)
            #expect(try await gateway.get("/backend/nobody/status/stream", port: gateway.legacyPort).status == 404)
        }
    }
}
