import DockerEngine
import DroneStore
import PlaneProtocol
import PlaneTestSupport
import Testing

@testable import DroneCore

@Suite struct ControlGroupTests {
    private static let id = "4f1e"
    private static let machine = ["/proc/stat": "cpu  1 2 3 4 5 6 7 8 9\ncpu0 1\n", "/proc/meminfo": "MemTotal: 1000 kB\n"]

    @Test("version 1: a directory of each controller")
    func separate() throws {
        let text = "12:memory:/docker/4f1e\n5:cpu,cpuacct:/docker/4f1e\n1:name=systemd:/docker/4f1e\n0::/system.slice/docker.service\n"
        let group = try #require(ControlGroup(memberships: text, container: Self.id, root: "/c"))
        let files = Self.machine.merging([
            "/c/memory/docker/4f1e/memory.usage_in_bytes": "5000\n", "/c/memory/docker/4f1e/memory.stat": "cache 1000\nrss 4000\n",
            "/c/memory/docker/4f1e/memory.limit_in_bytes": "9223372036854771712\n", "/c/cpuacct/docker/4f1e/cpuacct.usage": "77\n",
        ]) { $1 }
        #expect(
            group.usage { files[$0] }
                == UsageSample(memoryUsedBytes: 4000, memoryLimitBytes: 1_024_000, cpuNanoseconds: 77, systemCPUNanoseconds: 280_000_000))
    }

    @Test("version 2: one directory")
    func unified() throws {
        let group = try #require(ControlGroup(memberships: "0::/system.slice/docker-4f1e.scope\n", container: Self.id, root: "/c"))
        var files = Self.machine.merging([
            "/c/system.slice/docker-4f1e.scope/memory.current": "5000\n", "/c/system.slice/docker-4f1e.scope/memory.max": "8000\n",
            "/c/system.slice/docker-4f1e.scope/memory.stat": "anon 1\ninactive_file 6000\n",
            "/c/system.slice/docker-4f1e.scope/cpu.stat": "usage_usec 9\nuser_usec 3\n",
        ]) { $1 }
        #expect(
            group.usage { files[$0] }
                == UsageSample(memoryUsedBytes: 0, memoryLimitBytes: 8000, cpuNanoseconds: 9000, systemCPUNanoseconds: 280_000_000))
        files["/c/system.slice/docker-4f1e.scope/memory.max"] = "max\n"
        #expect(group.usage { files[$0] }?.memoryLimitBytes == 1_024_000)
        files["/c/system.slice/docker-4f1e.scope/cpu.stat"] = nil
        #expect(group.usage { files[$0] } == nil)
    }

    @Test("a process that is not the container's is not taken for it", arguments: ["0::/user.slice/shell\n", "", "x", "0::\n"])
    func another(text: String) {
        #expect(ControlGroup(memberships: text, container: Self.id) == nil)
    }

    @Test("on this machine it says the same as Docker does", .needsDocker)
    func asDockerDoes() async throws {
        let engine = try await DockerEngineAdapter.forTests()
        let id = BackendID.random()
        let container = try await engine.create(.onDocker(id, drone: .random()))
        try await engine.start(container)
        let ours = try await engine.usage(of: container)
        let theirs = try await engine.client.stats(try #require(container.id.flatMap { ContainerID(rawValue: $0) }))
        try await engine.remove(container)
        let sample = try #require(ours)
        #expect(sample.memoryLimitBytes == theirs.memoryLimitBytes)
        #expect(sample.cpuNanoseconds <= (theirs.cpuNanoseconds ?? 0))
        let system = try #require(theirs.systemCPUNanoseconds)
        #expect(sample.systemCPUNanoseconds <= system)
        #expect(system - sample.systemCPUNanoseconds < 60_000_000_000, "the same clock, a moment earlier")
        #expect(try await engine.usage(of: container) == nil)
    }
}
