import ArgumentParser
import PlaneClientTestSupport
import PlaneProtocol
import Testing

@testable import plane

@Suite("The arguments of plane spawn")
struct SpawnOptionsTests {
    @Test("become the request, every one of them")
    func everything() throws {
        let options = try SpawnOptions.parse([
            "plane.test", "registry/app:1", "--timeout", "10", "-p", "3000", "-e", "A=1", "-e", "B=x=y", "-e", "C",
            "--lock", "doc", "--mount", "/a:/b:ro", "--bearer-token", "--pull-policy", "always", "--memory", "256m",
            "--cpu", "0.5", "--disk", "10g", "--registry-user", "ci", "--id", "b7",
        ])
        let request = try options.request(
            backendID: .make("b1"), environment: ["C": "mine", "PLANE_REGISTRY_PASSWORD": "pw"])
        #expect(request.cluster.rawValue == "plane.test")
        #expect(request.backendID?.rawValue == "b7")
        #expect(request.maxIdle == 10)
        #expect(request.lock?.rawValue == "doc")
        #expect(request.requireBearerToken)
        #expect(
            request.executable
                == DockerExecutableConfig(
                    image: "registry/app:1", env: ["A": "1", "B": "x=y", "C": "mine"],
                    credentials: .usernamePassword(username: "ci", password: "pw"),
                    resourceLimits: ResourceLimits(
                        cpuPeriodPercent: 50, memoryLimitBytes: 268_435_456, diskLimitBytes: 10_737_418_240),
                    pullPolicy: .always, port: 3000, volumeMounts: ["/a:/b:ro"]))
    }

    @Test("say how the container is run, when it ends and what counts as ready")
    func run() throws {
        let options = try SpawnOptions.parse([
            "plane.test", "app", "--command", "/bin/sh", "--command", "-c", "--arg", "--verbose", "--arg", "x y", "-w", "/srv", "-u", "1000:1000",
            "--label", "team=blue", "--label", "plain", "--data", "doc-7", "--network", "blue", "--pool", "gpu", "--lifetime", "2h", "--no-idle-limit",
            "--hold-idle", "1m", "--ready-timeout", "90s", "--ready-path", "/healthz", "--ready-status", "204",
        ])
        let request = try options.request(backendID: .make("b1"), environment: [:])
        #expect(
            request.executable.process
                == ProcessOverride(
                    command: ["/bin/sh", "-c"], args: ["--verbose", "x y"], workingDirectory: "/srv", user: "1000:1000",
                    labels: ["team": "blue", "plain": ""]))
        #expect(request.executable.dataMount == .key(namespace: "", name: "doc-7"))
        #expect(request.executable.network == "blue")
        #expect(request.pool.rawValue == "gpu")
        #expect(request.maxIdle == BackendTerms.endless)
        #expect(
            request.terms
                == BackendTerms(
                    lifetimeLimit: 7200, hasNoIdleLimit: true, holdIdle: 60, readiness: ReadinessTerms(timeout: 90, path: "/healthz", status: 204)))
    }

    @Test(
        "that a scheduler would refuse are refused here, with the name of what is wrong",
        arguments: [
            (["--workdir", "srv"], "executable.working_dir"), (["--label", "dev.plane.managed=x"], "executable.labels"),
            (["--user", "a b"], "executable.user"),
            (["--ready-path", "healthz"], "ready_path"), (["--ready-status", "99"], "ready_status"), (["--lifetime", "0"], "lifetime_limit_secs"),
            (["--command", ""], "executable.command"), (["--lock", ""], "lock"), (["--data", String(repeating: "x", count: 256)], "data_mount"),
        ])
    func refusedByMessage(arguments: [String], word: String) throws {
        let options = try SpawnOptions.parse(["plane.test", "app"] + arguments)
        let failure = #expect(throws: CommandError.self) { _ = try options.request(backendID: .make("b1"), environment: [:]) }
        #expect(failure?.status == .usage)
        #expect(failure?.message.contains(word) == true, "\(failure?.message ?? "")")
    }

    @Test("have defaults; the id is ours, to be able to ask again")
    func defaults() throws {
        let request = try SpawnOptions.parse(["plane.test", "app"]).request(backendID: .make("b1"), environment: ["USER": "alice"])
        #expect(request.metadata["requested_by"]?.hasPrefix("alice@") == true)
        #expect(
            try request
                == ScheduleRequest(
                    cluster: request.cluster, backendID: .make("b1"), maxIdle: 300, metadata: request.metadata, executable: DockerExecutableConfig(image: "app")
                ))
    }

    @Test(
        "L6: are refused with a sentence when they cannot be right",
        arguments: [
            ["..", "app"], ["plane.test", ""], ["plane.test", "app", "-p", "0"], ["plane.test", "app", "-p", "70000"],
            ["plane.test", "app", "-e", "=x"], ["plane.test", "app", "--mount", "a:/b"], ["plane.test", "app", "--mount", "/a"],
            ["plane.test", "app", "--memory", "lots"], ["plane.test", "app", "--memory", "-1"],
            ["plane.test", "app", "--cpu", "0"], ["plane.test", "app", "--cpu", "3"],
            ["plane.test", "app", "--pull-policy", "sometimes"], ["plane.test", "app", "--id", "Not-Lower"],
            ["plane.test", "app", "--lock", String(repeating: "x", count: 2049)], ["plane.test"],
        ])
    func refused(arguments: [String]) {
        let error = #expect(throws: (any Error).self) { _ = try SpawnOptions.parse(arguments) }
        #expect(error.map { SpawnOptions.exitCode(for: $0).rawValue } == CommandStatus.usage.rawValue)
    }

    @Test("that need something of our environment say so when it is not there")
    func environment() throws {
        for arguments in [["plane.test", "app", "-e", "MISSING"], ["plane.test", "app", "--registry-user", "ci"]] {
            let options = try SpawnOptions.parse(arguments)
            let failure = #expect(throws: CommandError.self) { _ = try options.request(backendID: .make("b1"), environment: [:]) }
            #expect(failure?.status == .usage)
            #expect(failure?.advice != nil)
        }
    }

    @Test(
        "write sizes as people do",
        arguments: [
            ("1", 1), ("512", 512), ("1k", 1024), ("256m", 268_435_456), ("256MB", 268_435_456), ("256MiB", 268_435_456),
            ("1.5g", 1_610_612_736), ("1T", 1_099_511_627_776),
        ] as [(String, Int64)])
    func sizes(text: String, bytes: Int64) {
        #expect(ByteCount(argument: text)?.bytes == bytes)
    }

    @Test("take no size that is none", arguments: ["", "m", "0", "-1", "nan", "inf", "1x", "9999999999t", "0.1"])
    func noSizes(text: String) {
        #expect(ByteCount(argument: text) == nil)
    }

    @Test("write CPUs as a part or a number of them", arguments: [("0.01", 1), ("0.5", 50), ("1", 100), ("2.55", 255)] as [(String, UInt8)])
    func cpus(text: String, percent: UInt8) {
        #expect(CPUShare(argument: text)?.percent == percent)
    }

    @Test(
        "name pull policies in either spelling",
        arguments: [("if-not-present", .ifNotPresent), ("IfNotPresent", .ifNotPresent), ("always", .always), ("Never", .never)]
            as [(String, PullPolicy)])
    func pullPolicies(text: String, policy: PullPolicy) {
        #expect(PullPolicy(argument: text) == policy)
    }
}
