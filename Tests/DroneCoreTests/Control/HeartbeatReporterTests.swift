import DroneStore
import PlaneMessaging
import PlaneProtocol
import PlaneTestSupport
import Testing

@testable import DroneCore

@Suite struct HeartbeatReporterTests {
    private func beat(_ fixture: AgentFixture, _ condition: DroneCondition) -> HeartbeatReporter {
        HeartbeatReporter(
            drone: .make(), cluster: .make(), maxBackends: nil, condition: condition, store: fixture.store, bus: fixture.bus,
            logger: AgentFixture.logger)
    }

    private func admit(_ request: SpawnRequest, _ fixture: AgentFixture) async throws -> Bool {
        try await fixture.store.admit(request, acceptedAt: 0, report: []) == .admitted
    }

    @Test("A31: a table that cannot be read does not silence the drone, which says the last number it knows")
    func unreadableTable() async throws {
        let fixture = try await AgentFixture()
        #expect(try await self.admit(.make(), fixture))
        let condition = DroneCondition(isDraining: false)
        let beat = self.beat(fixture, condition)
        try await fixture.withScheduler {
            try await withThrowingDiscardingTaskGroup { group in
                group.addTask { await beat.run() }
                try await eventually("one is counted") { fixture.statuses.all.last?.runningBackends == 1 }
                // Renamed by somebody else, so that every look at it fails.
                let script = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=20).execute('ALTER TABLE backend RENAME TO elsewhere')"
                try await TestProcess.run("/usr/bin/python3", ["-c", script, fixture.directory.file("drone.sqlite3")])
                condition.set(draining: true)
                try await eventually("the drone says that it drains") { fixture.statuses.all.last?.state == .draining }
                #expect(fixture.statuses.all.last?.runningBackends == 1)
                group.cancelAll()
            }
        }
    }

    @Test("A30: while another process holds the table's lock, the drone says that it lives, ports are asked, and a request only waits")
    func lockedTable() async throws {
        let fixture = try await AgentFixture()
        let condition = DroneCondition(isDraining: false)
        let beat = self.beat(fixture, condition)
        let lock = try await TableLock(fixture.directory.file("drone.sqlite3"))
        try await fixture.withScheduler {
            try await withThrowingDiscardingTaskGroup { group in
                group.addTask { await beat.run() }
                async let isAdmitted = self.admit(.make(), fixture)
                condition.set(draining: true)
                try await eventually("the drone says that it has drained") { fixture.statuses.all.last?.state == .drained }
                #expect(await ReadinessProber().waitForAnswer(from: fixture.container.address, limit: .seconds(60)) == .answered)
                #expect(try await fixture.store.liveCount() == 0)
                await lock.release()
                #expect(try await isAdmitted)
                group.cancelAll()
            }
        }
    }
}
