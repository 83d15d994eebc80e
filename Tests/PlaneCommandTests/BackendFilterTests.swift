import ArgumentParser
import PlaneClient
import PlaneClientTestSupport
import PlaneProtocol
import PlaneTestSupport
import Testing

@testable import plane

@Suite("The filter and the watch of list-backends", .timeLimit(.minutes(10))) struct BackendFilterTests {
    @Test("every option narrows the selection")
    func options() throws {
        let filter = try BackendFilterOptions.parse([
            "--cluster", "plane.test", "--drone", "drone-b", "--state", "failed", "--state", "Ready", "--lock", "doc", "--older-than", "60",
        ])
        var expected = BackendSelection()
        expected.cluster = try .make("plane.test")
        expected.drone = try .make("drone-b")
        expected.states = [.failed, .ready]
        expected.lock = LockName(rawValue: "doc")
        expected.minimumAge = .seconds(60)
        #expect(filter.selection == expected)
        #expect(try BackendFilterOptions.parse(["--all"]).selection.includesEnded)
    }

    @Test("whoever asks for a state gets ended backends too; a state that does not exist is told with those that do")
    func states() throws {
        #expect(try BackendFilterOptions.parse(["--state", "Failed"]).selection.showsEnded)
        #expect(try !BackendFilterOptions.parse([]).selection.showsEnded)
        let error = #expect(throws: (any Error).self) { try BackendFilterOptions.parse(["--state", "Broken"]) }
        #expect(error.map { BackendFilterOptions.message(for: $0).contains("TimedOutBeforeReady") } == true)
    }

    @Test("--watch tells what there is, then every change, the end included, each once")
    func watch() async throws {
        try await withFakeScheduler { scheduler, server in
            try await scheduler.write(drone: "drone-a", backends: ["b1": .ready])
            let recorder = ConsoleRecorder()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { _ = try await runPlane(["list-backends", "--watch", "--json"], server: server, recorder: recorder) }
                try await eventually("the present is told") { recorder.out.contains("Ready") }
                try await scheduler.write(.heartbeat)
                try await scheduler.write(drone: "drone-a", backends: ["b1": .swept])
                try await eventually("the end is told") { recorder.out.contains("Swept") }
                group.cancelAll()
            }
            let lines = recorder.lines.filter { $0.contains(#""backend_id":"b1""#) }
            #expect(lines.count == 2)
        }
    }
}
