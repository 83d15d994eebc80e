import NATS
import PlaneClient
import PlaneClientTestSupport
import PlaneProtocol
import PlaneTestSupport
import Testing

@Suite("Waiting for Ready, on a real NATS", .timeLimit(.minutes(10))) struct ReadinessTests {
    @Test("ends with the phases, and tells the progress meanwhile")
    func ready() async throws {
        try await withClient { client, scheduler in
            let wait = client.readiness(of: try .make("b1"), limit: .seconds(30), notesFrom: try .make("drone-a"))
            async let phases = wait.run()
            try await scheduler.publish(try .make(.loading))
            try await eventually("the state is known") { wait.progress.state == .loading }
            let note = BackendLogMessage(backendID: try .make("b1"), kind: .meta, text: "Pulling app:1")
            try await eventually("the note is heard") {
                try scheduler.connection.publish(WireCodec.encode(note), to: note.subject)
                return wait.progress.note == "Pulling app:1"
            }
            let told = SpawnPhases(accepted: 0, ready: 7000)
            try await scheduler.publish(try .make(.ready, detail: BackendStatusDetail(phases: told)))
            #expect(try await phases == told)
        }
    }

    @Test("a backend that ends before is an error with its last state")
    func ended() async throws {
        try await withClient { client, scheduler in
            let last = try BackendStateMessage.make(.errorLoading, detail: BackendStatusDetail(message: "no such image"))
            try await scheduler.publish(last)
            let wait = client.readiness(of: try .make("b1"), limit: .seconds(30))
            guard case .endedBeforeReady(last)? = await failure(of: { () async throws(PlaneError) in _ = try await wait.run() }) else {
                Issue.record("it did not end")
                return
            }
        }
    }

    @Test("one that takes too long is an error with the state so far, and worth another wait")
    func late() async throws {
        try await withClient { client, scheduler in
            try await scheduler.publish(try .make(.loading))
            let wait = client.readiness(of: try .make("b1"), limit: .seconds(3))
            let thrown = await failure { () async throws(PlaneError) in _ = try await wait.run() }
            guard case .notReadyInTime(let backend, .loading, _)? = thrown else { Issue.record("\(String(describing: thrown))"); return }
            #expect(backend.rawValue == "b1")
            #expect(thrown?.isRetryable == true)
        }
    }

    @Test("ends at once when its task is cancelled")
    func cancelled() async throws {
        try await withClient { client, scheduler in
            try await scheduler.publish(try .make(.loading))
            let wait = client.readiness(of: try .make("b1"), limit: .seconds(600))
            let task = Task { await failure { () async throws(PlaneError) in _ = try await wait.run() } }
            try await eventually("it waits") { wait.progress.state == .loading }
            task.cancel()
            guard case .cancelled? = await task.value else { Issue.record("not cancelled"); return }
        }
    }

    @Test("a hundred waits at once share one connection")
    func many() async throws {
        try await withClient { client, scheduler in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<100 {
                    let wait = client.readiness(of: try .make("b\(number)"), limit: .seconds(50))
                    group.addTask { _ = try await wait.run() }
                }
                for number in 0..<100 { try await scheduler.publish(try .make(.ready, backend: "b\(number)")) }
                try await group.waitForAll()
            }
        }
    }
}
