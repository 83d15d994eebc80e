import ArgumentParser
import PlaneProtocol
import PlaneTestSupport
import Testing

@testable import PlaneState
@testable import plane

@Suite("Filters and the watch of list-backends", .timeLimit(.minutes(1))) struct BackendFilterTests {
    private static let now = WorldTime(milliseconds: 1_700_000_100_000)

    private func view(_ id: String, _ state: BackendState?, drone: String = "drone-a", secondsAgo: Int64 = 0, lock: String? = nil) throws -> BackendView {
        BackendView(
            id: try .make(id), drone: try .make(drone), lock: lock.flatMap(LockName.init(rawValue:)), state: state,
            stateTime: WorldTime(milliseconds: Self.now.rawValue - secondsAgo * 1000))
    }

    @Test(
        "each narrows the list",
        arguments: [
            (["--drone", "drone-b"], ["b2"]), (["--state", "failed", "--state", "Ready"], ["b1", "b3"]), (["--lock", "doc"], ["b2"]),
            (["--older-than", "60"], ["b3"]), ([], ["b1", "b2", "b3"]),
        ])
    func narrows(arguments: [String], expected: [String]) throws {
        let filter = try BackendFilter.parse(arguments)
        let backends = [
            try self.view("b1", .ready), try self.view("b2", .starting, drone: "drone-b", lock: "doc"), try self.view("b3", .failed, secondsAgo: 90),
        ]
        #expect(backends.filter { filter.matches($0, now: Self.now) }.map(\.id.rawValue) == expected)
    }

    @Test("whoever asks for a state gets ended backends too; a state that does not exist is told with those that do")
    func states() throws {
        #expect(try BackendFilter.parse(["--state", "Failed"]).showsEnded)
        #expect(try !BackendFilter.parse([]).showsEnded)
        let error = #expect(throws: (any Error).self) { try BackendFilter.parse(["--state", "Broken"]) }
        #expect(error.map { BackendFilter.message(for: $0).contains("TimedOutBeforeReady") } == true)
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
