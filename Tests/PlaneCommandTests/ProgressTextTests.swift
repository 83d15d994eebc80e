import PlaneClientTestSupport
import PlaneProtocol
import Testing

@testable import PlaneClient
@testable import plane

@Suite("The live line of a spawn")
struct ProgressTextTests {
    @Test("has state, time and phases")
    func phases() throws {
        var progress = ReadinessProgress(backend: try .make("b1"))
        #expect(progress.line(elapsed: .milliseconds(3)) == "Scheduled  3 ms")
        let early = SpawnPhases(scheduled: -2000, accepted: 0, created: 6000)
        _ = progress.apply(try .make(.starting, detail: BackendStatusDetail(phases: early)))
        #expect(progress.line(elapsed: .milliseconds(1300)) == "Starting  1.3 s  (accepted 2 ms · created 6 ms)")
    }

    @Test("shows what the drone says of a long pull, while the backend is loading")
    func pulling() throws {
        var progress = ReadinessProgress(backend: try .make("b1"))
        _ = progress.apply(try .make(.loading))
        let text = "Pulling app:1: 2 of 7 layers, 12.5 of 80.0 MB of those under way"
        progress.apply(BackendLogMessage(backendID: try .make("b1"), kind: .meta, text: text))
        #expect(progress.line(elapsed: .seconds(3)) == "Loading  3.0 s  \(text)")
        _ = progress.apply(try .make(.starting))
        #expect(progress.line(elapsed: .seconds(4)) == "Starting  4.0 s")
    }
}
