import PlaneClientTestSupport
import PlaneProtocol
import Testing

@testable import PlaneClient

@Suite("The progress of a backend on its way to Ready")
struct ReadinessProgressTests {
    @Test("ends at Ready, with the phases")
    func ready() throws {
        var progress = ReadinessProgress(backend: try .make("b1"))
        #expect(progress.apply(try .make(.loading)) == .waiting)
        let early = SpawnPhases(scheduled: -2000, accepted: 0, created: 6000)
        #expect(progress.apply(try .make(.starting, detail: BackendStatusDetail(phases: early))) == .waiting)
        #expect(progress.state == .starting)
        #expect(progress.phases == early)
        var phases = early
        phases.started = 210_000
        phases.ready = 211_500
        #expect(progress.apply(try .make(.ready, detail: BackendStatusDetail(phases: phases))) == .ready(phases))
    }

    @Test("has what the drone says of the backend, and nothing that the backend or another says")
    func notes() throws {
        var progress = ReadinessProgress(backend: try .make("b1"))
        progress.apply(BackendLogMessage(backendID: try .make("b1"), kind: .meta, text: "Pulling app:1: 2 of 7 layers\nand more"))
        progress.apply(BackendLogMessage(backendID: try .make("b1"), kind: .stdout, text: "not this"))
        progress.apply(BackendLogMessage(backendID: try .make("another"), kind: .meta, text: "nor this"))
        #expect(progress.note == "Pulling app:1: 2 of 7 layers")
    }

    @Test("ends with the state of a backend that ends before", arguments: BackendState.allCases.filter(\.isTerminal))
    func ended(state: BackendState) throws {
        var progress = ReadinessProgress(backend: try .make("b1"))
        let message = try BackendStateMessage.make(state, detail: BackendStatusDetail(exitCode: 137))
        #expect(progress.apply(message) == .ended(message))
    }
}
