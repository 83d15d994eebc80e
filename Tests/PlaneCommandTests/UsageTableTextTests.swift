import PlaneClient
import PlaneClientTestSupport
import PlaneProtocol
import Testing

@testable import plane

@Suite struct UsageTableTextTests {
    private func sample(_ backend: String, memory: UInt64, cpu: UInt64) throws -> BackendStatsMessage {
        BackendStatsMessage(
            cluster: try .make("plane.test"), droneID: try .make("drone-a"), backendID: try .make(backend), memoryUsedBytes: memory,
            memoryAvailableBytes: 256 << 20, cpuUsedNanoseconds: cpu, systemCPUNanoseconds: 1000)
    }

    @Test("a line has shares and sizes a person can read, and survives a sample without measure")
    func lines() throws {
        var table = UsageTable()
        var sample = try self.sample("a", memory: 12_582_912, cpu: 125)
        table.heard(sample, at: .now)
        #expect(table.lines(by: .cpu, .plain).last == "a.plane.test  drone-a  12.5 %  12.0 MiB  256 MiB")
        sample.systemCPUNanoseconds = 0
        table.heard(sample, at: .now)
        #expect(table.lines(by: .cpu, .plain).last?.contains("0.0 %") == true)
    }
}
