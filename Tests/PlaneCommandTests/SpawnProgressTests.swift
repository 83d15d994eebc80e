import PlaneProtocol
import Testing

@testable import plane

@Suite("The progress of a spawn")
struct SpawnProgressTests {
    @Test("ends at Ready, with the phases")
    func ready() throws {
        var progress = SpawnProgress(backend: try .make("b1"))
        #expect(progress.line(elapsed: .milliseconds(3)) == "Scheduled  3 ms")
        #expect(progress.apply(try .make(.loading)) == .waiting)
        let early = SpawnPhases(scheduled: -2000, accepted: 0, created: 6000)
        #expect(progress.apply(try .make(.starting, detail: BackendStatusDetail(phases: early))) == .waiting)
        #expect(progress.line(elapsed: .milliseconds(1300)) == "Starting  1.3 s  (accepted 2 ms · created 6 ms)")
        var phases = early
        phases.started = 210_000
        phases.ready = 211_500
        #expect(progress.apply(try .make(.ready, detail: BackendStatusDetail(phases: phases))) == .ready(phases))
    }

    @Test("shows what the drone says of a long pull, while the backend is loading")
    func pulling() throws {
        var progress = SpawnProgress(backend: try .make("b1"))
        _ = progress.apply(try .make(.loading))
        let text = "Pulling app:1: 2 of 7 layers, 12.5 of 80.0 MB of those under way"
        progress.apply(BackendLogMessage(backendID: try .make("b1"), kind: .meta, text: text))
        progress.apply(BackendLogMessage(backendID: try .make("b1"), kind: .stdout, text: "not this"))
        progress.apply(BackendLogMessage(backendID: try .make("another"), kind: .meta, text: "nor this"))
        #expect(progress.line(elapsed: .seconds(3)) == "Loading  3.0 s  \(text)")
        _ = progress.apply(try .make(.starting))
        #expect(progress.line(elapsed: .seconds(4)) == "Starting  4.0 s")
    }

    @Test(
        "a backend that ends before is a failure with cause and advice",
        arguments: BackendState.allCases.filter(\.isTerminal))
    func ended(state: BackendState) throws {
        var progress = SpawnProgress(backend: try .make("b1"))
        let detail = BackendStatusDetail(exitCode: 137, message: "no such image")
        guard case .ended(let failure) = progress.apply(try .make(state, detail: detail)) else {
            Issue.record("\(state) did not end it")
            return
        }
        #expect(failure.status == .endedBeforeReady)
        #expect(failure.message.contains(state.rawValue))
        #expect(failure.message.contains("no such image"))
        #expect(failure.message.contains("137"))
        #expect(failure.advice != nil)
    }
}
