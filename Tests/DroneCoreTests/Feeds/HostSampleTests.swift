import PlaneProtocol
import PlaneTestSupport
import Testing

@testable import DroneCore

@Suite struct HostSampleTests {
    @Test("each CPU's busy share is taken from what has passed between two samples")
    func cpus() {
        let stat = "cpu  300 0 100 1000 50 0 0 0 0 0\ncpu0 100 0 50 800 50 0 0 0 0 0\ncpu1 200 0 50 200\nintr 5 6\nctxt 7\n"
        let cpus = HostSample.cpus(inStat: stat)
        #expect(cpus == [.init(busy: 150, total: 1000), .init(busy: 250, total: 450)])
        let before = HostSample(cpus: cpus, memoryAvailableBytes: 0, memoryTotalBytes: 0, disks: [])
        var after = before
        after.cpus[0] = .init(busy: 175, total: 1100)
        after.cpus.append(.init(busy: 1, total: 2))
        #expect(after.cpuPercent(since: before) == [25, 0, 0])
        #expect(before.cpuPercent(since: after) == [0, 0])
    }

    @Test("memory is in bytes, and a device mounted twice is one disk")
    func memoryAndDisks() {
        let meminfo = "MemTotal:       24682000 kB\nMemFree:  1 kB\nMemAvailable:   1024 kB\n"
        #expect(HostSample.memoryBytes("MemAvailable", inMeminfo: meminfo) == 1_048_576)
        #expect(HostSample.memoryBytes("Nothing", inMeminfo: meminfo) == nil)
        let mounts =
            "/dev/vda1 / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n/dev/vda1 /again ext4 rw 0 0\n/dev/vdb /a\\040b xfs rw 0 0\n/dev/loop3 /snap/x squashfs ro 0 0\n"
        #expect(HostSample.diskMounts(inMounts: mounts) == ["/", "/a b"])
        #expect(HostSample.diskMounts(inMounts: "") == [])
        #expect(HostSample.cpus(inStat: "cpu0 x y z\ncpu1\n") == [])
    }

    @Test("this machine tells what it uses, once a second, in the form of the reference")
    func thisMachine() async throws {
        let drone = try DroneFixture()
        let published = Recorder<DroneStatsMessage>()
        let reporter = HostReporter(drone: .make(), cluster: .make(), time: drone.context.time, logger: AgentFixture.logger) { published.record($0) }
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await reporter.run() }
            try await drone.time.pass(1)
            try await drone.time.pass(1)
            try await eventually("two were published") { published.all.count == 2 }
            group.cancelAll()
        }
        let message = try #require(published.all.last)
        #expect(message.cluster.rawValue == "plane_test")
        #expect(message.subject == "cluster.plane_test.drone.drone-a.stats")
        #expect(message.numberOfCPUs >= 1)
        #expect(message.cpuUsagePercent.count == Int(message.numberOfCPUs))
        #expect(message.cpuUsagePercent.allSatisfy { (0...100).contains($0) })
        #expect(message.memoryTotalBytes > message.memoryAvailableBytes)
        #expect(message.diskTotalBytes.count == Int(message.numberOfDisks))
        #expect(zip(message.diskTotalBytes, message.diskAvailableBytes).allSatisfy { $0 >= $1 })
    }
}
