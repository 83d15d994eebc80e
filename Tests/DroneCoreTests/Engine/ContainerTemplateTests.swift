import DockerEngine
import PlaneProtocol
import Testing

@testable import DroneCore

@Suite struct ContainerTemplateTests {
    private func specification(
        _ template: ContainerTemplate = ContainerTemplate(), _ change: (inout SpawnRequest) -> Void = { _ in }
    ) throws -> ContainerSpec {
        var request = SpawnRequest.make(image: "registry.example/app:1.4")
        change(&request)
        return try #require(template.specification(for: request))
    }

    @Test("labels say whose container it is")
    func labels() throws {
        #expect(
            try self.specification().labels == [
                "dev.plane.managed": "true", "dev.plane.backend": "plane-b-1", "dev.plane.drone": "drone-a",
            ])
    }

    @Test(
        "PORT is what the request says, 8080 otherwise, and the user's own where it is set",
        arguments: [
            (nil, nil, "8080"), (9000, nil, "9000"), (9000, "7000", "7000"),
        ] as [(UInt16?, String?, String)])
    func port(port: UInt16?, own: String?, expected: String) throws {
        let spec = try self.specification {
            $0.executable.port = port
            if let own { $0.executable.env["PORT"] = Secret(own) }
        }
        #expect(spec.environment["PORT"] == expected)
    }

    @Test("A19: the limit of CPU time is seconds, as the kernel counts them")
    func cpuTime() throws {
        #expect(try self.specification { $0.executable.resourceLimits.cpuTimeLimitSeconds = 600 }.limits.cpuTimeSeconds == 600)
        #expect(try self.specification { $0.executable.resourceLimits.cpuTimeLimitSeconds = 30 }.limits.cpuTimeSeconds == 30)
    }

    @Test("limits, mounts and the drone's own settings are passed on")
    func passedOn() throws {
        var template = ContainerTemplate()
        template.network = "plane"
        template.runtime = "runsc"
        template.hasAllGPUs = true
        template.syslog = "udp://127.0.0.1:514"
        let spec = try self.specification(template) {
            $0.executable.resourceLimits = ResourceLimits(
                cpuPeriodMicroseconds: 50_000, cpuPeriodPercent: 50, memoryLimitBytes: 1 << 28, diskLimitBytes: 1 << 30)
            $0.executable.volumeMounts = ["/srv:/data"]
        }
        #expect(spec.limits.cpuPeriodMicroseconds == 50_000)
        #expect(spec.limits.cpuPercent == 50)
        #expect(spec.limits.memoryBytes == 1 << 28)
        #expect(spec.limits.diskBytes == 1 << 30)
        #expect(spec.binds == ["/srv:/data"])
        #expect(spec.network == "plane")
        #expect(spec.runtime == "runsc")
        #expect(spec.hasAllGPUs)
        #expect(spec.syslog == SyslogTarget(address: "udp://127.0.0.1:514", tag: "plane-b-1"))
    }

    @Test("what a request says of the process takes the image's place, and its labels never the agent's")
    func process() throws {
        let spec = try self.specification {
            $0.executable.process = ProcessOverride(
                command: ["/bin/app"], args: ["-v"], workingDirectory: "/srv", user: "1000",
                labels: ["team": "games", "dev.plane.drone": "another"])
        }
        #expect(spec.entrypoint == ["/bin/app"])
        #expect(spec.command == ["-v"])
        #expect(spec.workingDirectory == "/srv")
        #expect(spec.user == "1000")
        #expect(spec.labels["team"] == "games")
        #expect(spec.labels["dev.plane.drone"] == "drone-a")
        let plain = try self.specification()
        #expect(plain.entrypoint == nil && plain.command == nil && plain.workingDirectory == nil && plain.user == nil)
    }

    @Test("the fencing token is the scheduler's, whatever the request's environment says; without one there is no variable")
    func fencingToken() throws {
        let spec = try self.specification {
            $0.fencingToken = 1_710_148_530_123
            $0.executable.env["SESSION_BACKEND_FENCING_TOKEN"] = "9999999999999"
        }
        #expect(spec.environment["SESSION_BACKEND_FENCING_TOKEN"] == "1710148530123")
        #expect(try self.specification().environment["SESSION_BACKEND_FENCING_TOKEN"] == nil)
    }

    @Test("a data directory is a bind of the drone's own making, a network the request's choice")
    func directoryAndNetwork() throws {
        var template = ContainerTemplate()
        template.network = "plane"
        template.mounts = MountBase(path: "/var/lib/plane/data")
        let spec = try self.specification(template) {
            $0.executable.dataMount = .key(namespace: "games", name: "../x")
            $0.executable.network = "games"
        }
        #expect(spec.binds == ["/var/lib/plane/data/games@/%2E.%2Fx:/plane-data"])
        #expect(spec.network == "games")
    }

    @Test("A23: an image without a tag is the latest one, not all of them")
    func untagged() throws {
        #expect(try self.specification { $0.executable.image = "registry.example/app" }.image.tag == "latest")
    }

    @Test("what names no image makes no container", arguments: ["", "app/UPPER", "a b", "../x"])
    func notAnImage(image: String) {
        #expect(ContainerTemplate().specification(for: .make(image: image)) == nil)
    }
}
