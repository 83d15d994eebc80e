import DockerEngine
import Foundation
import PlaneTestSupport
import Testing
import UTCTime

@Suite(.enabled(if: DockerDaemon.socket != nil, "PLANE_TEST_DOCKER_SOCKET names no Docker"))
struct ContainerLifeTests {
    private static func code(_ body: () async throws -> Void) async -> EngineError.Code? {
        let error = await #expect(throws: EngineError.self) { try await body() }
        return error?.code
    }

    @Test("a container is created, started, inspected, stopped and removed")
    func life() async throws {
        try await DockerDaemon.withContainer(DockerDaemon.spec("trap 'exit 7' TERM; echo trapped; while :; do sleep 0.05; done"), start: false) { client, id in
            #expect(try await client.inspect(id).state.status == .created)
            #expect(try await client.inspect(id).address() == nil)
            try await client.start(id)
            try await client.start(id)
            let running = try await client.inspect(id)
            #expect(running.networks == ["bridge"])
            #expect(try await client.address(of: running.id, in: "bridge") == running.address())
            #expect(try await client.address(of: running.id, in: "none") == nil)
            #expect(running.state.status == .running)
            #expect(running.address()?.isEmpty == false)
            #expect(running.state.startedAt != nil && running.state.finishedAt == nil)
            #expect(!running.hasTerminal)
            for try await line in try await client.logs(id) where line.text == "trapped" { break }
            try await client.stop(id, grace: .seconds(5))
            try await client.stop(id)
            let ended = try await client.inspect(id).state
            #expect(ended.status == .exited)
            #expect(ended.exitCode == 7)
            #expect(try await client.wait(id).code == 7)
            try await client.remove(id)
            #expect(await Self.code { _ = try await client.inspect(id) } == .noSuchContainer)
        }
    }

    @Test("one which ignores the request to stop is killed after its grace")
    func killed() async throws {
        try await DockerDaemon.withContainer(DockerDaemon.spec("trap '' TERM; while :; do sleep 1; done")) { client, id in
            try await client.stop(id, grace: .zero)
            #expect(try await client.inspect(id).state.exitCode == 137)
            #expect(await Self.code { try await client.kill(id) } == .conflict)
        }
    }

    @Test("a container that is not there is said so by every call")
    func absent() async throws {
        try await DockerDaemon.prepared.value
        let (client, id) = (DockerDaemon.client, DockerDaemon.freshName())
        #expect(await Self.code { try await client.start(id) } == .noSuchContainer)
        #expect(await Self.code { _ = try await client.inspect(id) } == .noSuchContainer)
        #expect(await Self.code { try await client.stop(id) } == .noSuchContainer)
        #expect(await Self.code { try await client.kill(id) } == .noSuchContainer)
        #expect(await Self.code { try await client.remove(id, force: true) } == .noSuchContainer)
        #expect(await Self.code { _ = try await client.wait(id) } == .noSuchContainer)
        #expect(await Self.code { _ = try await client.stats(id) } == .noSuchContainer)
        #expect(await Self.code { _ = try await client.logs(id) } == .noSuchContainer)
    }

    @Test("a taken name, a missing image and a bad entry point are told apart")
    func refusals() async throws {
        try await DockerDaemon.withContainer(DockerDaemon.spec("sleep 60")) { client, id in
            let name = ContainerID(rawValue: try await client.inspect(id).name)!
            #expect(await Self.code { _ = try await client.createContainer(DockerDaemon.spec("true"), name: name) } == .nameConflict)
        }
        var unknown = DockerDaemon.spec("true")
        unknown.image = ImageReference("plane-engine-test-of-nobody:1")!
        #expect(await Self.code { _ = try await DockerDaemon.client.createContainer(unknown, name: DockerDaemon.freshName()) } == .noSuchImage)
        var broken = DockerDaemon.spec("")
        broken.command = ["/no/such/program"]
        try await DockerDaemon.withContainer(broken, start: false) { client, id in
            #expect(await Self.code { try await client.start(id) } == .notStartable)
        }
        var nowhere = DockerDaemon.spec("true")
        nowhere.network = "plane-engine-test-no-network"
        try await DockerDaemon.withContainer(nowhere, start: false) { client, id in
            #expect(await Self.code { try await client.start(id) } == .notStartable)
        }
    }

    @Test("limits reach the kernel in their own units (A19)")
    func limits() async throws {
        var spec = DockerDaemon.spec("ulimit -t; cat /proc/self/status")
        spec.limits = ContainerLimits(
            cpuPeriodMicroseconds: 50_000, cpuPercent: 50, cpuTimeSeconds: 17, memoryBytes: 64 * 1024 * 1024)
        try await DockerDaemon.withContainer(spec) { client, id in
            _ = try await client.wait(id)
            var lines: [String] = []
            for try await line in try await client.logs(id) { lines.append(line.text) }
            #expect(lines.first == "17")
            #expect(lines.contains("NoNewPrivs:\t1"))
        }
    }

    @Test("containers are found by label, running or not, and no others")
    func list() async throws {
        var spec = DockerDaemon.spec("sleep 60")
        let mark = UUID().uuidString
        spec.labels["dev.plane.engine-test.list"] = mark
        try await DockerDaemon.withContainer(spec) { client, running in
            try await DockerDaemon.withContainer(spec, start: false) { _, created in
                let found = try await client.list(label: "dev.plane.engine-test.list=\(mark)")
                #expect(Set(found.map(\.id)) == [running, created])
                #expect(found.first { $0.id == running }?.status == .running)
                #expect(found.allSatisfy { $0.labels["dev.plane.engine-test.list"] == mark && !$0.names.isEmpty && $0.createdAt.seconds > 0 })
            }
        }
        #expect(try await DockerDaemon.client.list(label: "dev.plane.engine-test.list=\(mark)").isEmpty)
    }

    @Test("a running container is measured at once, an ended one has nothing to measure (A20)")
    func stats() async throws {
        try await DockerDaemon.withContainer(DockerDaemon.spec("sleep 60")) { client, id in
            let stats = try await client.stats(id)
            #expect((stats.memoryUsedBytes ?? 0) > 0)
            #expect((stats.memoryLimitBytes ?? 0) > 0)
            #expect((stats.cpuNanoseconds ?? 0) > 0)
            #expect((stats.systemCPUNanoseconds ?? 0) > (stats.cpuNanoseconds ?? 0))
            try await client.stop(id, grace: .zero)
            #expect(try await client.stats(id).systemCPUNanoseconds == nil)
        }
    }

    @Test("fifty at once are no trouble")
    func many() async throws {
        try await DockerDaemon.prepared.value
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    try await DockerDaemon.withContainer(DockerDaemon.spec("exit 3"), start: false) { client, id in
                        let status = try await client.inspect(id).state.status
                        #expect(status == .created)
                    }
                }
            }
            try await group.waitForAll()
        }
    }
}
