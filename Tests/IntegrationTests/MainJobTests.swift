import Foundation
import NATS
import PlaneProtocol
import PlaneTestSupport
import Testing

/// From a request on NATS to a page through the proxy and back to nothing, on the real programs, each with no more permissions than the sample
/// nats-server.conf gives it.
@Suite(.serialized, .enabled(if: LocalCluster.dockerSocket != nil, "PLANE_TEST_DOCKER_SOCKET names no Docker"))
struct MainJobTests {
    @Test("a scheduled backend answers on its host name at once, and is gone after termination")
    func scheduledBackendAnswers() async throws {
        try await withCluster(isGuarded: true) { cluster in
            let backend = try await cluster.schedule(image: DemoImage.name, env: ["GREETING": "hello from the test"])
            #expect(backend.spawned)
            #expect(backend.drone == cluster.drone)
            // Sent the moment the reply is there: the proxy holds it until the backend is ready.
            let page = try await cluster.get(of: backend.backendID)
            #expect(page.status == 200)
            let echo = try await cluster.get("/echo", of: backend.backendID)
            #expect(echo.body.contains("Host: \(cluster.host(of: backend.backendID))"))
            #expect(echo.body.lowercased().contains("x-forwarded-for: 127.0.0.1"))

            let ready = try await cluster.reached(.ready, by: backend.backendID)
            #expect(ready.detail?.phases?.ready != nil)

            try await cluster.terminate(backend.backendID)
            try await cluster.reached(.terminated, by: backend.backendID)
            // The proxy may know a little later than NATS; every request asks again.
            while try await cluster.get(of: backend.backendID).status != 404 {}
        }
    }

    @Test("a WebSocket outlives scheduler, agent and NATS, and new requests need none of them either")
    func trafficNeedsNobody() async throws {
        try await withCluster(isGuarded: true) { cluster in
            let backend = try await cluster.schedule(image: DemoImage.name).backendID
            try await cluster.reached(.ready, by: backend)
            let socket = try await cluster.openWebSocket(to: backend)
            #expect(try await socket.echo("one") == "one")

            await cluster.stop(.agent, .kill)
            await cluster.stop(.scheduler, .kill)
            await cluster.server.stop(.kill)

            #expect(try await socket.echo("two") == "two")
            #expect(try await cluster.get(of: backend).status == 200)

            try await cluster.server.startAgain()
            try await cluster.start(.scheduler)
            try await cluster.start(.agent)
            #expect(try await socket.echo("three") == "three")
            // The new agent runs the same backend: it can end it.
            try await cluster.terminate(backend)
            try await cluster.reached(.terminated, by: backend)
        }
    }

    @Test("a proxy started again serves the backends it finds")
    func proxyRestart() async throws {
        try await withCluster(isGuarded: true) { cluster in
            let backend = try await cluster.schedule(image: DemoImage.name).backendID
            #expect(try await cluster.get(of: backend).status == 200)
            await cluster.stop(.proxy, .kill)
            try await cluster.start(.proxy)
            #expect(try await cluster.get(of: backend).status == 200)
            try await cluster.terminate(backend)
            try await cluster.reached(.terminated, by: backend)
        }
    }

    @Test("an idle backend is swept; one with an open WebSocket is not")
    func idleSweep() async throws {
        try await withCluster(isGuarded: true) { cluster in
            let used = try await cluster.schedule(image: DemoImage.name, maxIdle: 4).backendID
            let socket = try await cluster.openWebSocket(to: used)
            let idle = try await cluster.schedule(image: DemoImage.name, maxIdle: 4).backendID
            let swept = try await cluster.reached(.swept, by: idle)
            #expect(swept.detail?.cause == .idle)
            // Both have the same limit, and this one was older.
            #expect(try await socket.echo("still here") == "still here")
            try await cluster.terminate(used)
            try await cluster.reached(.terminated, by: used)
        }
    }

    @Test("a backend that ends by itself is reported with its exit code, and its log says so")
    func exitCode() async throws {
        try await withCluster(isGuarded: true) { cluster in
            let backend = try await cluster.schedule(image: DemoImage.name).backendID
            try await cluster.reached(.ready, by: backend)
            _ = try? await cluster.get("/exit?code=3", of: backend)
            let failed = try await cluster.reached(.failed, by: backend)
            #expect(failed.detail?.exitCode == 3)
            let logs = try await cluster.bus.jetStream.orderedConsumer(
                stream: "backend_logs", filter: BackendLogMessage.ownSubscription(backend: backend, drone: cluster.drone), from: .first)
            for try await message in logs {
                let line = try WireCodec.decode(BackendLogMessage.self, from: message.payload)
                if line.kind == .meta, line.text.contains("Backend exit code: 3") { break }
            }
        }
    }

    @Test("two requests for one lock get one backend")
    func oneLockOneBackend() async throws {
        try await withCluster(isGuarded: true) { cluster in
            let lock = LockName(rawValue: "document-7")!
            async let first = cluster.schedule(image: DemoImage.name, lock: lock)
            async let second = cluster.schedule(image: DemoImage.name, lock: lock)
            let (one, two) = try await (first, second)
            #expect(one.backendID == two.backendID)
            #expect([one.spawned, two.spawned].filter { $0 }.count == 1)
            try await cluster.terminate(one.backendID)
            try await cluster.reached(.terminated, by: one.backendID)
        }
    }

    @Test("a backend with a token lets nobody in without it")
    func bearerToken() async throws {
        try await withCluster(isGuarded: true) { cluster in
            let backend = try await cluster.schedule(image: DemoImage.name, requireBearerToken: true)
            let token = try #require(backend.bearerToken)
            try await cluster.reached(.ready, by: backend.backendID)
            #expect(try await cluster.get(of: backend.backendID).status == 401)
            #expect(
                try await cluster.get(of: backend.backendID, headers: "Authorization: Bearer wrong\r\n").status == 403)
            #expect(
                try await cluster.get(of: backend.backendID, headers: "Authorization: Bearer \(token.exposed)\r\n")
                    .status == 200)
            try await cluster.terminate(backend.backendID)
            try await cluster.reached(.terminated, by: backend.backendID)
        }
    }

    @Test("the link that plane spawn prints opens the backend, and the cookie that it sets does from then on")
    func printedLink() async throws {
        try await withCluster { cluster in
            let spawn = try TestProcess.ours(
                "plane", ["spawn", cluster.cluster.rawValue, DemoImage.name, "--pull-policy", "never", "--bearer-token", "--json"],
                environment: ["PLANE_NATS_URL": cluster.server.url])
            #expect(await spawn.ended(within: .seconds(120)) == 0, "\(spawn.log)")
            let link = try #require(spawn.log.joined().firstMatch(of: #/"url_with_token":"http://([^/"]+)(/[^"]+)"/#), "\(spawn.log)")
            let (host, path) = (String(link.output.1), String(link.output.2))
            let opened = try await cluster.get(path, host: host)
            #expect(opened.status == 302)
            let cookie = try #require(opened.header("set-cookie")?.split(separator: ";").first)
            let page = try await cluster.get(try #require(opened.header("location")), host: host, headers: "Cookie: \(cookie)\r\n")
            #expect(page.status == 200)
            #expect(try await cluster.get("/", host: host).status == 401)
            let backend = try #require(host.split(separator: ".").first.flatMap { BackendID(rawValue: String($0)) })
            try await cluster.terminate(backend)
            try await cluster.reached(.terminated, by: backend)
        }
    }

    @Test("a mount that the drone does not allow is refused by plane spawn in the drone's words, which name the key to turn")
    func refusedMount() async throws {
        try await withCluster { cluster in
            let spawn = try TestProcess.ours(
                "plane", ["spawn", cluster.cluster.rawValue, DemoImage.name, "--pull-policy", "never", "--mount", "/srv:/data"],
                environment: ["PLANE_NATS_URL": cluster.server.url])
            #expect(await spawn.ended(within: .seconds(120)) != 0)
            #expect(spawn.log.joined(separator: " ").contains("agent.docker.allow_volume_mounts"), "\(spawn.log)")
        }
    }

    @Test("what cannot be read is answered with what is wrong")
    func unreadableRequest() async throws {
        try await withCluster(isGuarded: true) { cluster in
            let answer = try await cluster.bus.request(
                Array(#"{"cluster":"\#(cluster.cluster)","max_idle_secs":"soon","metadata":{},"executable":{}}"#.utf8),
                to: "cluster.\(cluster.cluster.subjectToken).schedule")
            let reply = try WireCodec.decodeReply(to: ScheduleRequest.self, from: answer.payload)
            guard case .error(let error) = reply else {
                Issue.record("not an error: \(reply)")
                return
            }
            #expect(error.code == .badRequest)
            #expect(error.message.contains("max_idle_secs"))
        }
    }

    @Test("an image that is nowhere ends in ErrorLoading with its cause")
    func missingImage() async throws {
        try await withCluster(isGuarded: true) { cluster in
            let backend = try await cluster.schedule(image: "there-is-no-such-image").backendID
            let failed = try await cluster.reached(.errorLoading, by: backend)
            #expect(failed.detail?.cause == .imageMissing)
            #expect(try await cluster.get(of: backend).status == 404)
        }
    }
}

/// Runs `body` with a cluster of its own; on failure the logs of every part are shown.
func withCluster(dockerSocket: String? = nil, isGuarded: Bool = false, _ body: (LocalCluster) async throws -> Void) async throws {
    let cluster = try await LocalCluster.start(dockerSocket: dockerSocket, isGuarded: isGuarded)
    do {
        try await body(cluster)
    } catch {
        for part in LocalCluster.Part.allCases {
            print("--- \(part.rawValue)\n" + cluster.log(of: part).suffix(60).joined(separator: "\n"))
        }
        await cluster.stop()
        throw error
    }
    for part in LocalCluster.Part.allCases {
        #expect(!cluster.log(of: part).contains { $0.contains(GuardedNATS.refusal) }, "\(part.rawValue) lacks a permission in nats-server.conf")
    }
    await cluster.stop()
}
