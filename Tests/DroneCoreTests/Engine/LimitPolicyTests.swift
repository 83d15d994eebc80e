import DockerEngine
import PlaneProtocol
import Testing

@testable import DroneCore

@Suite("Limit policy") struct LimitPolicyTests {
    private let policy: LimitPolicy = {
        var policy = LimitPolicy()
        policy.memoryBytes = LimitPolicy.Bound(standard: 512, most: 1024)
        policy.cpuPercent = LimitPolicy.Bound(standard: nil, most: 200)
        policy.diskBytes = LimitPolicy.Bound(standard: 100, most: nil)
        return policy
    }()

    @Test("a request that names no limit gets the drone's, or the most that anybody gets")
    func standard() {
        let granted = self.policy.granted(ContainerLimits())
        #expect(granted.memoryBytes == 512)
        #expect(granted.cpuPercent == 200)
        #expect(granted.diskBytes == 100)
        #expect(LimitPolicy().granted(ContainerLimits()) == ContainerLimits())
    }

    @Test("a request within the bounds gets what it asks for")
    func within() {
        let asked = ContainerLimits(cpuPercent: 200, memoryBytes: 1024, diskBytes: 1 << 40)
        #expect(self.policy.refusal(of: asked) == nil)
        #expect(self.policy.granted(asked) == asked)
    }

    @Test("one beyond them is refused, with the key that says so; so is none at all in disguise", arguments: [1025, 0, -1] as [Int64])
    func beyond(memory: Int64) throws {
        let refusal = try #require(self.policy.refusal(of: ContainerLimits(memoryBytes: memory)))
        #expect(
            refusal == "the request asks for \(memory) bytes of memory, and a backend gets from 1 to 1024 on this drone (agent.docker.limits.max_memory_mb)")
        #expect(self.policy.refusal(of: ContainerLimits(cpuPercent: 201))?.contains("max_cpu_percent") == true)
        #expect(LimitPolicy().refusal(of: ContainerLimits(memoryBytes: memory)) == nil)
    }
}
