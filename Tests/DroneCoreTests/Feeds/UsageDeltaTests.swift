import Testing

@testable import DroneCore

@Suite struct UsageDeltaTests {
    private func sample(cpu: UInt64, system: UInt64) -> UsageSample {
        UsageSample(memoryUsedBytes: 10, memoryLimitBytes: 20, cpuNanoseconds: cpu, systemCPUNanoseconds: system)
    }

    @Test("counters are subtracted, memory is as it is now")
    func difference() throws {
        let delta = try #require(UsageDelta(from: self.sample(cpu: 5, system: 100), to: self.sample(cpu: 7, system: 150)))
        #expect(delta.cpuNanoseconds == 2)
        #expect(delta.systemCPUNanoseconds == 50)
        #expect(delta.memoryUsedBytes == 10)
    }

    @Test("A20: counters that went back, by a restart, give nothing instead of a trap")
    func restarted() {
        #expect(UsageDelta(from: self.sample(cpu: .max, system: 1), to: self.sample(cpu: 0, system: 2)) == nil)
        #expect(UsageDelta(from: self.sample(cpu: 0, system: 2), to: self.sample(cpu: 0, system: 1)) == nil)
    }
}
