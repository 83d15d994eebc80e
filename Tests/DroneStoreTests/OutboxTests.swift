import PlaneProtocol
import PlaneTestSupport
import Testing

@testable import DroneStore

@Suite struct OutboxTests {
    @Test("the oldest report of each backend comes first; the next follows once that one is removed")
    func order() async throws {
        let store = try StoreFixture().open()
        try await store.enter("a", .starting)
        try await store.enter("b")
        var told: [String] = []
        while case let reports = try await store.oldestReports(limit: 10), !reports.isEmpty {
            #expect(Set(reports.map(\.backend)).count == reports.count)
            for report in reports {
                told.append("\(report.backend) \(String(decoding: report.payload, as: UTF8.self))")
                try await store.removeReport(report.id)
            }
        }
        #expect(told == ["a \"Loading\"", "b \"Loading\"", "a \"Starting\""])
    }

    @Test("reports wait across a restart of the agent, and an id is never given twice")
    func survivesRestart() async throws {
        let fixture = try StoreFixture()
        let first = try fixture.open()
        try await first.enter("a")
        let id = try #require(try await first.oldestReports(limit: 1).first?.id)
        try await first.removeReport(id)
        try first.close()
        let second = try fixture.open()
        try await second.enter("b")
        #expect(try await second.oldestReports(limit: 1).first.map { $0.id > id } == true)
        #expect(try await second.waitingReportCount() == 1)
    }

    @Test("removing twice is harmless")
    func removeTwice() async throws {
        let store = try StoreFixture().open()
        try await store.enter("a")
        let id = try #require(try await store.oldestReports(limit: 1).first?.id)
        try await store.removeReport(id)
        try await store.removeReport(id)
        #expect(try await store.waitingReportCount() == 0)
    }
}
