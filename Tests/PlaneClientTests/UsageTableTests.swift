import PlaneClient
import PlaneClientTestSupport
import PlaneProtocol
import Testing

@Suite struct UsageTableTests {
    private func sample(_ backend: String, memory: UInt64, cpu: UInt64) throws -> BackendStatsMessage {
        BackendStatsMessage(
            cluster: try .make("plane.test"), droneID: try .make("drone-a"), backendID: try .make(backend), memoryUsedBytes: memory,
            memoryAvailableBytes: 256 << 20, cpuUsedNanoseconds: cpu, systemCPUNanoseconds: 1000)
    }

    @Test(
        "backends come in the order asked for",
        arguments: [(.cpu, ["b", "a"]), (.memory, ["a", "b"]), (.backend, ["a", "b"])] as [(UsageTable.Order, [String])])
    func order(order: UsageTable.Order, expected: [String]) throws {
        var table = UsageTable()
        table.heard(try self.sample("b", memory: 1, cpu: 500), at: .now)
        table.heard(try self.sample("a", memory: 2, cpu: 1), at: .now)
        #expect(table.sorted(by: order).map(\.backendID.rawValue) == expected)
    }

    @Test("a backend nobody speaks of any more is forgotten")
    func silence() throws {
        var table = UsageTable()
        let start = ContinuousClock.now
        table.heard(try self.sample("a", memory: 1, cpu: 1), at: start)
        table.forgetSilent(at: start + .seconds(10))
        #expect(table.sorted(by: .backend).count == 1)
        table.forgetSilent(at: start + .seconds(17))
        #expect(table.sorted(by: .backend).isEmpty)
    }

    @Test("of backends that drones make up a bounded number is kept, and of those that are known the newest figures")
    func bounded() throws {
        var table = UsageTable(limit: 10)
        for number in 0..<100 { table.heard(try self.sample("b-\(number)", memory: 1, cpu: 1), at: .now) }
        table.heard(try self.sample("b-3", memory: 7, cpu: 1), at: .now)
        #expect(table.sorted(by: .memory).count == 10)
        #expect(table.sorted(by: .memory).first?.memoryUsedBytes == 7)
    }
}
