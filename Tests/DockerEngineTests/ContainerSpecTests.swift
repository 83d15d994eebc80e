@testable import DockerEngine
import Foundation
import Testing

@Suite("What a container is created with")
struct ContainerSpecTests {
    private static func encode(_ spec: ContainerSpec) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(CreateContainerBody(spec)), as: UTF8.self)
    }

    @Test("is safe by default, and else what the image says")
    func defaults() throws {
        #expect(
            try Self.encode(ContainerSpec(image: ImageReference("app")!)) == """
                {"Env":[],"HostConfig":{"PidsLimit":4096,"SecurityOpt":["no-new-privileges"]},"Image":"app:latest","Labels":{}}
                """)
    }

    @Test("has every option in the unit of the API")
    func everything() throws {
        var spec = ContainerSpec(
            image: ImageReference("app:1")!, command: ["run"], environment: ["PORT": "8080", "A": "b=c"], labels: ["k": "v"],
            binds: ["/srv:/data:ro"], network: "games", runtime: "runsc",
            limits: ContainerLimits(
                cpuPeriodMicroseconds: 50_000, cpuPercent: 150, cpuTimeSeconds: 600, memoryBytes: 268_435_456, diskBytes: 1_000_000))
        spec.limits.processes = 100
        spec.hasAllGPUs = true
        spec.syslog = SyslogTarget(address: "udp://10.0.0.5:514", tag: "plane-b")
        spec.mayGainPrivileges = true
        spec.droppedCapabilities = ["NET_RAW"]
        #expect(
            try Self.encode(spec) == """
                {"Cmd":["run"],"Env":["A=b=c","PORT=8080"],"HostConfig":{"Binds":["/srv:/data:ro"],"CapDrop":["NET_RAW"],"CpuPeriod":50000,"CpuQuota":75000,\
                "DeviceRequests":[{"Capabilities":[["gpu"]],"Count":-1}],\
                "LogConfig":{"Config":{"syslog-address":"udp://10.0.0.5:514","syslog-format":"rfc5424","tag":"plane-b"},"Type":"syslog"},\
                "Memory":268435456,"NetworkMode":"games","PidsLimit":100,"Runtime":"runsc","StorageOpt":{"size":"1000000"},\
                "Ulimits":[{"Hard":600,"Name":"cpu","Soft":600}]},"Image":"app:1","Labels":{"k":"v"}}
                """)
    }

    @Test("limits processor time in seconds (A19)", arguments: [1, 59, 600] as [UInt64])
    func cpuTime(seconds: UInt64) throws {
        let spec = ContainerSpec(image: ImageReference("app")!, limits: ContainerLimits(cpuTimeSeconds: seconds))
        #expect(try Self.encode(spec).contains(#""Ulimits":[{"Hard":\#(seconds),"Name":"cpu","Soft":\#(seconds)}]"#))
    }

    @Test("counts a share of the standard period where none is given, and survives absurd numbers")
    func quota() {
        #expect(ContainerLimits(cpuPercent: 50).cpuQuotaMicroseconds == 50_000)
        #expect(ContainerLimits().cpuQuotaMicroseconds == nil)
        #expect(ContainerLimits(cpuPeriodMicroseconds: .max, cpuPercent: 255).cpuQuotaMicroseconds == .max)
        #expect(ContainerLimits(cpuPeriodMicroseconds: .max, cpuPercent: 100).cpuQuotaMicroseconds == .max)
        let absurd = ContainerSpec(
            image: ImageReference("app")!, limits: ContainerLimits(cpuPeriodMicroseconds: .max, cpuTimeSeconds: .max))
        #expect(throws: Never.self) { try Self.encode(absurd) }
    }

    @Test("does not print its environment")
    func secrets() {
        let spec = ContainerSpec(image: ImageReference("app")!, environment: ["TOKEN": "hunter2"])
        var dumped = ""
        dump(spec, to: &dumped)
        #expect(!"\(spec) \(String(reflecting: spec)) \(dumped)".contains("hunter2"))
    }
}
