import Logging
import NATS
import PlaneClient
import PlaneClientTestSupport
import PlaneProtocol
import Testing

@Suite("Reports of backends", .timeLimit(.minutes(10))) struct BackendReportTests {
    @Test("a terminal state counts, whatever is reported after it")
    func terminalWins() throws {
        var report = BackendReport(backend: try .make("b1"), cluster: try .make("plane.test"))
        #expect(report.diagnosis == nil)
        report.states = [try .make(.ready), try .make(.swept), try .make(.ready)]
        #expect(report.outcome?.state == .swept)
        #expect(report.diagnosis?.wasReady == true)
    }

    @Test("an end that has begun is told as such")
    func ending() throws {
        let detail = BackendStatusDetail(ending: BackendEnding(.soft, .external, at: WireTime(seconds: 1_700_000_000)))
        #expect(Diagnosis(try .make(.ready, detail: detail), wasReady: true).sentence.hasPrefix("It is being ended"))
        #expect(Diagnosis(try .make(.ready), wasReady: true).sentence == "Its program runs, and has answered its drone.")
    }

    @Test("of a backend whose public history has been forgotten the state tells what it has reached")
    func forgotten() async throws {
        try await withClient { client, scheduler in
            try await scheduler.write(drone: "drone-a", backends: ["b1": .ready])
            let report = try await client.report(of: .make("b1"), logEntries: 0)
            #expect(report.states.map(\.state) == [.ready])
            #expect(report.diagnosis?.sentence == "Its program runs, and has answered its drone.")
        }
    }

    @Test("history, state and log come together; of a stranger nothing is known")
    func collected() async throws {
        try await withClient { client, scheduler in
            try await scheduler.write(drone: "drone-a", backends: ["b1": .failed])
            try await scheduler.publish(try .make(.loading))
            try await scheduler.publish(try .make(.failed, second: 3, detail: BackendStatusDetail(cause: .exitedByItself, exitCode: 3)))
            for line in ["one", "two", "three"] { try await scheduler.log("b1", line) }
            let report = try await client.report(of: .make("b1"), logEntries: 2)
            #expect(report.states.map(\.state) == [.loading, .failed])
            #expect(report.drone?.rawValue == "drone-a")
            #expect(report.droneState == .ready)
            #expect(report.lastLines.map(\.text) == ["two", "three"])
            #expect(report.collectedAt != nil)
            #expect(report.diagnosis?.exitCode == 3)
            await #expect(throws: PlaneError.self) { try await client.report(of: .make("b9"), logEntries: 2) }
        }
    }
}
