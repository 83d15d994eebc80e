import DockerEngine
import DroneStore
import Foundation
import PlaneProtocol
import PlaneTestSupport
import Testing

@testable import DroneCore

/// Every option of a backend's container (dev/docs/protocol.md, Containers), as a real Docker has understood it, and where it shows inside, Podman too.
@Suite(.needsDocker, .withPodman) struct ContainerOptionsTests {
    /// What `docker inspect` says of a container made from the request; it is not started, and removed again.
    private func inspect(
        _ template: ContainerTemplate = ContainerTemplate(), _ change: (inout DockerExecutableConfig) -> Void = { _ in }
    ) async throws -> [String: Any] {
        try await TestImage.build()
        let socket = try #require(TestImage.socket)
        let engine = DockerEngineAdapter(client: DockerClient(endpoint: .unixSocket(path: socket)), template: template)
        let id = BackendID.random()
        var request = SpawnRequest.onDocker(id, drone: .make())
        change(&request.executable)
        try await engine.create(request)
        let lines = try await TestProcess.run("/usr/bin/env", ["docker", "-H", "unix://\(socket)", "inspect", id.resourceName])
        try await engine.remove(ContainerHandle(of: id))
        let list = try JSONSerialization.jsonObject(with: Data(lines.joined(separator: "\n").utf8)) as? [[String: Any]]
        return try #require(list?.first)
    }

    private func host(_ inspection: [String: Any]) throws -> [String: Any] {
        try #require(inspection["HostConfig"] as? [String: Any])
    }

    @Test("without being told otherwise a container is kept from gaining rights and from forking without end")
    func defaults() async throws {
        let inspection = try await self.inspect()
        let host = try self.host(inspection)
        #expect(host["SecurityOpt"] as? [String] == ["no-new-privileges"])
        #expect(host["PidsLimit"] as? Int == 4096)
        #expect(host["Memory"] as? Int == 0)
        #expect(host["CpuQuota"] as? Int == 0)
        #expect((host["PortBindings"] as? [String: Any])?.isEmpty ?? true)
        #expect(host["Privileged"] as? Bool == false)
        let configuration = try #require(inspection["Config"] as? [String: Any])
        #expect((configuration["Env"] as? [String])?.contains("PORT=8080") == true)
        #expect((configuration["Labels"] as? [String: String])?["dev.plane.managed"] == "true")
    }

    @Test("the engine keeps a bounded part of what a container prints, and limits apply to requests that name none")
    func bounded() async throws {
        var template = ContainerTemplate()
        template.logBytes = 20 << 20
        template.limits.memoryBytes = LimitPolicy.Bound(standard: 64 << 20, most: 128 << 20)
        let host = try self.host(try await self.inspect(template))
        let logging = try #require(host["LogConfig"] as? [String: Any])
        #expect(logging["Type"] as? String == "json-file")
        #expect(logging["Config"] as? [String: String] == ["max-size": "10485760", "max-file": "2"])
        #expect(host["Memory"] as? Int == 64 << 20)
        let bounded = template
        let failure = await #expect(throws: BackendEngineError.self) {
            _ = try await self.inspect(bounded) { $0.resourceLimits = ResourceLimits(memoryLimitBytes: 129 << 20) }
        }
        #expect(failure?.code == .refused)
        #expect(failure?.message.contains("max_memory_mb") == true)

        var processor = ContainerTemplate()
        processor.limits.cpuPercent = LimitPolicy.Bound(standard: 50, most: 100)
        let shared = try self.host(try await self.inspect(processor))
        let (quota, period) = (try #require(shared["CpuQuota"] as? Int), try #require(shared["CpuPeriod"] as? Int))
        #expect(quota > 0 && quota * 2 == (period == 0 ? 100_000 : period))
        let greedy = processor
        let refusal = await #expect(throws: BackendEngineError.self) {
            _ = try await self.inspect(greedy) { $0.resourceLimits = ResourceLimits(cpuPeriodPercent: 101) }
        }
        #expect(refusal?.code == .refused)
        #expect(refusal?.message.contains("max_cpu_percent") == true)
    }

    @Test("each of these can be switched off")
    func switchedOff() async throws {
        var template = ContainerTemplate()
        template.mayGainPrivileges = true
        template.processLimit = nil
        let host = try self.host(try await self.inspect(template))
        #expect((host["SecurityOpt"] as? [String] ?? []).isEmpty)
        #expect((host["PidsLimit"] as? Int ?? 0) <= 0)
        #expect((host["CapDrop"] as? [String] ?? []).isEmpty)
    }

    @Test("limits arrive in Docker's units")
    func limits() async throws {
        let host = try self.host(
            try await self.inspect {
                $0.resourceLimits = ResourceLimits(
                    cpuPeriodMicroseconds: 50_000, cpuPeriodPercent: 150, cpuTimeLimitSeconds: 600, memoryLimitBytes: 64 << 20)
            })
        #expect(host["Memory"] as? Int == 64 << 20)
        #expect(host["CpuPeriod"] as? Int == 50_000)
        #expect(host["CpuQuota"] as? Int == 75_000)
        let ulimits = try #require(host["Ulimits"] as? [[String: Any]])
        #expect(ulimits.first?["Name"] as? String == "cpu")
        #expect(ulimits.first?["Hard"] as? Int == 600)
    }

    @Test("capabilities, mounts, runtime, GPUs and syslog are as the drone is configured")
    func drone() async throws {
        var template = ContainerTemplate()
        template.droppedCapabilities = ["NET_RAW", "MKNOD"]
        template.runtime = "runc"
        template.hasAllGPUs = true
        template.network = "none"
        template.syslog = "udp://127.0.0.1:514"
        let host = try self.host(try await self.inspect(template) { $0.volumeMounts = ["/tmp:/data:ro"] })
        #expect(Set((host["CapDrop"] as? [String] ?? []).map { $0.replacing("CAP_", with: "") }) == ["NET_RAW", "MKNOD"])
        #expect(host["Binds"] as? [String] == ["/tmp:/data:ro"])
        #expect(host["Runtime"] as? String == "runc")
        #expect(host["NetworkMode"] as? String == "none")
        let devices = try #require((host["DeviceRequests"] as? [[String: Any]])?.first)
        #expect(devices["Count"] as? Int == -1)
        #expect(devices["Capabilities"] as? [[String]] == [["gpu"]])
        let logging = try #require(host["LogConfig"] as? [String: Any])
        #expect(logging["Type"] as? String == "syslog")
        let options = try #require(logging["Config"] as? [String: String])
        #expect(options["syslog-format"] == "rfc5424")
        #expect(options["syslog-address"] == "udp://127.0.0.1:514")
        #expect(options["tag"]?.hasPrefix("plane-") == true)
    }

    @Test("what a request says of the process and of its directory is so inside of the container", arguments: EngineUnderTest.real)
    func inside(kind: EngineUnderTest) async throws {
        let base = try TemporaryDirectory()
        // Only root gives directories to others.
        let (user, group) = getuid() == 0 ? (1000, 1001) : (getuid(), getgid())
        var template = ContainerTemplate()
        template.mounts = MountBase(path: base.file("data"))
        try await TestImage.build()
        let socket = try kind.socket
        let engine = DockerEngineAdapter(client: DockerClient(endpoint: .unixSocket(path: socket)), template: template)
        let id = BackendID.random()
        var request = SpawnRequest.onDocker(id, drone: .make())
        request.executable.process = ProcessOverride(
            command: ["/bin/sh", "-c", "echo \"$0 $1\"; pwd; busybox id -u; busybox id -g; echo kept >/plane-data/file; echo done"],
            args: ["one", "two words"],
            workingDirectory: "/bin", user: "\(user):\(group)", labels: ["team": "blue"])
        request.executable.dataMount = .key(namespace: "", name: "doc-7")
        let container = ContainerHandle(of: id)
        do {
            try await engine.create(request)
            try await engine.start(container)
            try await eventually("it has said everything", within: .seconds(30)) {
                try await engine.lastLines(of: container, count: 10).contains("done")
            }
            #expect(try await engine.lastLines(of: container, count: 10) == ["one two words", "/bin", "\(user)", "\(group)", "done"])
            let lines = try await TestProcess.run(
                "/usr/bin/env", ["docker", "-H", "unix://\(socket)", "inspect", "--format", "{{index .Config.Labels \"team\"}}", id.resourceName])
            #expect(lines == ["blue"])
        } catch {
            try? await engine.remove(container)
            throw error
        }
        try await engine.remove(container)
        #expect(try String(contentsOfFile: "\(base.file("data"))/doc-7/file", encoding: .utf8) == "kept\n")
    }

    @Test("a disk limit is either set or refused with a sentence about what it needs")
    func diskLimit() async throws {
        do {
            let host = try self.host(try await self.inspect { $0.resourceLimits = ResourceLimits(diskLimitBytes: 1 << 30) })
            #expect(host["StorageOpt"] as? [String: String] == ["size": "1073741824"])
        } catch let failure as BackendEngineError {
            #expect(failure.code == .refused)
            #expect(failure.message.contains("pquota"))
        }
    }
}
