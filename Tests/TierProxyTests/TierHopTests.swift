import DroneStore
import PlaneProtocol
import PlaneTestSupport
import Testing

@Suite("From a proxy of the tier through that of a drone")
struct TierHopTests {
    /// A real drone-proxy with one backend, which asks its visitors for the token `bearer-token`.
    private func withDroneProxy(
        _ tier: TierFixture, _ backend: TestBackend, _ body: (_ innerPort: UInt16, _ proxy: TestProcess) async throws -> Void
    ) async throws {
        let path = tier.directory.file("drone.sqlite3")
        let store = try await DroneStore.open(path: path)
        let request = """
            {"cluster":"plane.test","drone_id":"drone-1","max_idle_secs":1000,"backend_id":"b-1","metadata":{},
             "executable":{"image":"demo","env":{}},"bearer_token":"bearer-token"}
            """
        let spawn = try WireCodec.decode(SpawnRequest.self, from: Array(request.utf8))
        #expect(try await store.admit(spawn, acceptedAt: 1_000_000, report: Array("\"Loading\"".utf8)) == .admitted)
        let transition = BackendTransition(
            spawn.backendID, to: .ready, at: 1000,
            route: BackendTransition.Route(address: "127.0.0.1:\(backend.port)", bearerToken: "bearer-token"), report: Array("\"Ready\"".utf8))
        #expect(try await store.record(transition))
        let innerPort = try freeLoopbackPort()
        let proxy = try await self.start(path, innerPort: innerPort)
        try await tier.put(drone: "drone-1", innerPort: innerPort)
        try await tier.put(backend: "b-1", on: "drone-1", .ready)
        try await body(innerPort, proxy)
        await proxy.stop()
    }

    private func start(_ path: String, innerPort: UInt16, port: UInt16? = nil, forward: UInt16? = nil) async throws -> TestProcess {
        var environment = [
            "PLANE_CLUSTER_DOMAIN": "plane.test", "PLANE_DRONE_ID": "drone-1", "PLANE_DB_PATH": path, "PLANE_PROXY__BIND_IP": "127.0.0.1",
            "PLANE_PROXY__HTTP_PORT": "\(try port ?? freeLoopbackPort())", "PLANE_PROXY__INNER_PORT": "\(innerPort)",
            "PLANE_PROXY__INNER_SECRET": TierFixture.secret,
        ]
        if let forward { environment["PLANE_PROXY__FORWARD"] = "127.0.0.1:\(forward)" }
        let proxy = try TestProcess(TierFixture.program("drone-proxy"), environment: environment)
        try await proxy.line(containing: "drone-proxy is ready")
        return proxy
    }

    @Test("a visitor's token opens a backend that asks for another, which stays between gateway and drone; its name alone opens nothing")
    func admission() async throws {
        try await TierFixture.run { (tier: TierFixture) async throws in
            let backend = try TestBackend()
            try await self.withDroneProxy(tier, backend) { innerPort, _ in
                try await tier.put(token: TierFixture.token, backend: "b-1", user: "ann")
                let answering = backend.answerOnce("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                let answer = try await tier.ask("/\(TierFixture.token)/a")
                #expect(answer.hasPrefix("HTTP/1.1 200 ") && answer.contains("\r\nX-Plane-Backend-Id: b-1\r\n"))
                let request = try await answering.value.request
                #expect(request.hasPrefix("GET /a HTTP/1.1\r\n"))
                #expect(request.contains("\r\nx-verified-username: ann\r\n") && request.lowercased().contains("\r\nx-forwarded-for: 127.0.0.1\r\n"))
                #expect(!request.contains(TierFixture.secret) && !request.lowercased().contains("x-plane-tier-"))
                #expect(try await tier.ask("/", host: "b-1.plane.test").hasPrefix("HTTP/1.1 401 "))
                #expect(try await tier.ask("/", host: "b-1.plane.test", port: innerPort).hasPrefix("HTTP/1.1 403 "))
            }
        }
    }

    @Test("while a drone's proxy is dead its visitors are told at once to try again, and it is used again as soon as it is back")
    func deadDrone() async throws {
        try await TierFixture.run { (tier: TierFixture) async throws in
            let backend = try TestBackend()
            try await self.withDroneProxy(tier, backend) { innerPort, proxy in
                try await tier.put(token: TierFixture.token, backend: "b-1")
                await proxy.stop(.kill)
                let answer = try await tier.ask("/\(TierFixture.token)/")
                #expect(answer.hasPrefix("HTTP/1.1 502 ") && answer.contains("\r\nRetry-After: 1\r\n"))
                let again = try await self.start(tier.directory.file("drone.sqlite3"), innerPort: innerPort)
                let answering = backend.answerOnce("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                #expect(try await tier.ask("/\(TierFixture.token)/").hasPrefix("HTTP/1.1 200 "))
                _ = try await answering.value
                await again.stop()
            }
        }
    }

    @Test("a visitor at the wrong drone reaches the backend through the tier, which asks for the backend's own token there")
    func forwarded() async throws {
        try await TierFixture.run { (tier: TierFixture) async throws in
            let backend = try TestBackend()
            try await self.withDroneProxy(tier, backend) { _, _ in
                let path = tier.directory.file("other.sqlite3")
                _ = try await DroneStore.open(path: path)
                let port = try freeLoopbackPort()
                let other = try await self.start(path, innerPort: try freeLoopbackPort(), port: port, forward: tier.innerPort)
                #expect(try await tier.ask("/a", host: "b-1.plane.test", port: port).hasPrefix("HTTP/1.1 401 "))
                #expect(try await tier.ask("/a", host: "b-9.plane.test", port: port).hasPrefix("HTTP/1.1 404 "))
                let answering = backend.answerOnce("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                let client = try TestPeer.connect(port: port)
                try await client.send(
                    "GET /a HTTP/1.1\r\nHost: b-1.plane.test\r\nAuthorization: Bearer bearer-token\r\nConnection: close\r\n\r\n")
                #expect(try await client.receiveToEnd().hasSuffix("\r\n\r\nok"))
                let request = try await answering.value.request.lowercased()
                #expect(request.hasPrefix("get /a http/1.1\r\n") && request.contains("\r\nx-forwarded-for: 127.0.0.1\r\n"))
                #expect(!request.contains("bearer-token") && !request.contains("x-plane-tier-"))
                #expect(await other.stop() == 0)
            }
        }
    }
}
