import DroneStore
import PlaneProtocol
import PlaneTestSupport
import Testing

@testable import DroneCore

@Suite(.enabled(if: SmallDisk.isPossible, "only root may mount a small disk")) struct FullDiskTests {
    @Test("a full disk refuses new backends and ends none; what could not be written is, when there is room again")
    func fullDisk() async throws {
        let disk = try await SmallDisk(megabytes: 2)
        do {
            try await self.run(on: disk)
        } catch {
            try await disk.remove()
            throw error
        }
        try await disk.remove()
    }

    private func run(on disk: SmallDisk) async throws {
        let engine = FakeEngine()
        let fixture = try await AgentFixture(engine: engine, directory: disk.directory)
        try await fixture.withScheduler {
            try await fixture.withAgent {
                #expect(try await fixture.spawn(fixture.request(.make("b-1"))))
                #expect(try await fixture.spawn(fixture.request(.make("b-2"))))
                try await fixture.wait(for: .ready, of: .make("b-1"))
                try await fixture.wait(for: .ready, of: .make("b-2"))
                try await eventually("everything is delivered") { try await fixture.store.waitingReportCount() == 0 }
                disk.fill()
                #expect(try await !fixture.spawn(fixture.request(.make("b-3"))))
                engine.end(.make("b-1"), code: 3)
                try await eventually("the agent has looked") { engine.calls.contains(.lastLines) }
                #expect(try await fixture.store.backend(.make("b-1"))?.state == .ready)
                disk.free()
                try await fixture.wait(for: .failed, of: .make("b-1"))
                #expect(try await fixture.store.backend(.make("b-1"))?.exitCode == 3)
                #expect(try await fixture.store.backend(.make("b-2"))?.state == .ready)
                #expect(engine.containers[.make("b-2")] != nil)
            }
        }
        #expect(fixture.states(of: .make("b-3")).isEmpty)
    }
}
