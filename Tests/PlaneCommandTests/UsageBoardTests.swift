import PlaneProtocol
import Testing

@testable import plane

@Suite struct UsageBoardTests {
    private func sample(_ backend: String, memory: UInt64, cpu: UInt64) throws -> BackendStatsMessage {
        BackendStatsMessage(
            cluster: try .make("plane.test"), droneID: try .make("drone-a"), backendID: try .make(backend), memoryUsedBytes: memory,
            memoryAvailableBytes: 256 << 20, cpuUsedNanoseconds: cpu, systemCPUNanoseconds: 1000)
    }

    @Test("backends come in the order asked for", arguments: [(.cpu, ["b", "a"]), (.memory, ["a", "b"]), (.backend, ["a", "b"])] as [(UsageBoard.Order, [String])])
    func order(order: UsageBoard.Order, expected: [String]) throws {
        var board = UsageBoard()
        board.heard(try self.sample("b", memory: 1, cpu: 500), at: .now)
        board.heard(try self.sample("a", memory: 2, cpu: 1), at: .now)
        #expect(board.sorted(by: order).map(\.backendID.rawValue) == expected)
    }

    @Test("a backend nobody speaks of any more is forgotten")
    func silence() throws {
        var board = UsageBoard()
        let start = ContinuousClock.now
        board.heard(try self.sample("a", memory: 1, cpu: 1), at: start)
        board.forgetSilent(at: start + .seconds(10))
        #expect(board.sorted(by: .backend).count == 1)
        board.forgetSilent(at: start + .seconds(17))
        #expect(board.sorted(by: .backend).isEmpty)
    }

    @Test("a line has shares and sizes a person can read, and survives a sample without measure")
    func lines() throws {
        var board = UsageBoard()
        var sample = try self.sample("a", memory: 12_582_912, cpu: 125)
        board.heard(sample, at: .now)
        #expect(board.lines(by: .cpu, .plain).last == "a.plane.test  drone-a  12.5 %  12.0 MiB  256 MiB")
        sample.systemCPUNanoseconds = 0
        board.heard(sample, at: .now)
        #expect(board.lines(by: .cpu, .plain).last?.contains("0.0 %") == true)
    }
}
