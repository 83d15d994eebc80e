import Testing

@testable import DroneCore

@Suite struct HostPressureTests {
    private func sample(memory percent: UInt64) -> HostSample {
        HostSample(cpus: [], memoryAvailableBytes: percent * 1000, memoryTotalBytes: 100_000, disks: [])
    }

    @Test("memory runs short below a tenth, and suffices again above three twentieths")
    func memory() {
        #expect(HostPressure.isHigh(self.sample(memory: 9), disk: nil, already: false) == true)
        #expect(HostPressure.isHigh(self.sample(memory: 12), disk: nil, already: false) == false)
        #expect(HostPressure.isHigh(self.sample(memory: 12), disk: nil, already: true) == true)
        #expect(HostPressure.isHigh(self.sample(memory: 15), disk: nil, already: true) == false)
    }

    @Test("so does the disk that containers are on; of a machine that keeps no accounts nothing is known")
    func disk() {
        #expect(HostPressure.isHigh(nil, disk: .init(availableBytes: 4000, totalBytes: 100_000), already: false) == true)
        #expect(HostPressure.isHigh(nil, disk: .init(availableBytes: 6000, totalBytes: 100_000), already: false) == false)
        #expect(HostPressure.isHigh(nil, disk: .init(availableBytes: 6000, totalBytes: 100_000), already: true) == true)
        #expect(HostPressure.isHigh(nil, disk: nil, already: true) == false)
    }
}
