import DockerEngine
import DroneCore
import DroneStore
import Foundation
import PlaneProtocol
import PlaneTestSupport
import Testing

/// Backends that are frozen while they have no traffic, with every part as a program of its own.
@Suite(.serialized, .timeLimit(.minutes(10)), .enabled(if: LocalCluster.dockerSocket != nil, "PLANE_TEST_DOCKER_SOCKET names no Docker"))
struct FrozenBackendTests {
    /// A backend that is frozen after a second without traffic, and ended when `body` returns.
    private func withBackend(_ body: (LocalCluster, BackendID) async throws -> Void) async throws {
        try await withCluster { cluster in
            let request = ScheduleRequest(
                cluster: cluster.cluster, maxIdle: 300, executable: DockerExecutableConfig(image: DemoImage.name, pullPolicy: .never),
                terms: BackendTerms(holdIdle: 1))
            guard case .scheduled(let scheduled) = try await cluster.request(request) else { throw UnexpectedReply(reply: "no backend") }
            let backend = scheduled.backendID
            try await cluster.reached(.ready, by: backend)
            try await body(cluster, backend)
            try await cluster.terminate(backend)
            try await cluster.reached(.terminated, by: backend)
        }
    }

    private func isFrozen(_ backend: BackendID, _ cluster: LocalCluster) async throws -> Bool {
        let client = DockerClient(endpoint: .unixSocket(path: cluster.dockerSocket))
        let engine = DockerEngineAdapter(client: client, template: ContainerTemplate())
        let container = try await engine.list().first { $0.container.backend == backend }?.container.id
        guard let id = container.flatMap({ ContainerID(rawValue: $0) }) else { return false }
        return try await client.inspect(id).state.status == .paused
    }

    private func waitUntilFrozen(_ backend: BackendID, _ cluster: LocalCluster) async throws {
        try await eventually("it is frozen", within: .seconds(30)) { try await self.isFrozen(backend, cluster) }
    }

    @Test("the next request thaws it and is answered, with what it knew before, and then it is frozen again")
    func request() async throws {
        try await self.withBackend { cluster, backend in
            for _ in 0..<3 {
                try await self.waitUntilFrozen(backend, cluster)
                #expect(try await cluster.get(of: backend).status == 200)
            }
        }
    }

    @Test("a WebSocket stays open over a frozen backend: its pings are answered and do not thaw it, and its next message does")
    func webSocket() async throws {
        try await self.withBackend { cluster, backend in
            let socket = try await cluster.openWebSocket(to: backend)
            #expect(try await socket.echo("before") == "before")
            for text in ["first", "second"] {
                try await self.waitUntilFrozen(backend, cluster)
                #expect(try await socket.ping("alive") == "alive")
                #expect(try await self.isFrozen(backend, cluster))
                #expect(try await socket.echo(text) == text)
            }
        }
    }

    @Test("after kill -9 of the agent, a request waits until the next one runs", arguments: [LocalCluster.Part.agent, .proxy])
    func killed(part: LocalCluster.Part) async throws {
        try await self.withBackend { cluster, backend in
            try await self.waitUntilFrozen(backend, cluster)
            await cluster.stop(part, .kill)
            #expect(try await self.isFrozen(backend, cluster))
            if part == .agent {
                async let answer = cluster.get(of: backend)
                try await cluster.start(.agent)
                #expect(try await answer.status == 200)
            } else {
                try await cluster.start(.proxy)
                #expect(try await cluster.get(of: backend).status == 200)
            }
        }
    }

    @Test("an agent that is stopped leaves it running, so that it serves without one")
    func stopped() async throws {
        try await self.withBackend { cluster, backend in
            try await self.waitUntilFrozen(backend, cluster)
            await cluster.stop(.agent, .terminate)
            #expect(try await !self.isFrozen(backend, cluster))
            #expect(try await cluster.get(of: backend).status == 200)
            try await cluster.start(.agent)
            try await self.waitUntilFrozen(backend, cluster)
        }
    }
}
