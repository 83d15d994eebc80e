import PlaneClientTestSupport
import PlaneProtocol
import Testing

@testable import plane

@Suite("Status lines")
struct StatusLineTests {
    @Test("are backend, state and time, and what is known besides")
    func text() throws {
        #expect(BackendStatusLine(try .make(.loading)).text(.plain) == "b1\tLoading\t2023-11-14T22:13:20Z")
        let failed = BackendStatusDetail(cause: .outOfMemory, exitCode: 137, message: "used 256 MiB")
        #expect(
            BackendStatusLine(try .make(.failed, detail: failed)).text(.plain)
                == "b1\tFailed\t2023-11-14T22:13:20Z\toom_killed, exit code 137, used 256 MiB")
        let ready = BackendStatusDetail(phases: SpawnPhases(accepted: 0, ready: 7000))
        #expect(BackendStatusLine(try .make(.ready, detail: ready)).text(.plain).hasSuffix("\tready 7 ms"))
        #expect(BackendStatusLine(try .make(.ready, detail: BackendStatusDetail(isHeld: true))).text(.plain).hasSuffix("\tfrozen, since there is no traffic"))
        #expect(BackendStatusLine(try .make(.ready, detail: BackendStatusDetail(isHeld: false))).text(.plain).hasSuffix("\tthawed"))
    }
}
