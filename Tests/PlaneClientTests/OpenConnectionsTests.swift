import PlaneClient
import PlaneClientTestSupport
import PlaneProtocol
import Synchronization
import Testing

@Suite("What is open to a drone's backends", .timeLimit(.minutes(10)))
struct OpenConnectionsTests {
    @Test("a drone that names backends without end is asked no further")
    func endless() async throws {
        try await withClient { client, scheduler in
            let asked = Mutex(0)
            try await scheduler.serveConnections { _ in
                let number = asked.withLock { asked in
                    asked += 1
                    return asked
                }
                let entry = OpenConnections.Entry(backend: try .make("b-\(number)"), requests: 1, webSockets: 0)
                return OpenConnections(backends: [entry], isComplete: false)
            }
            let answer = await client.openConnections(of: try .make("drone-a"), in: try .make("plane.test"))
            #expect(answer.failure == nil)
            #expect(answer.entries.count == 50 && asked.withLock { $0 } == 50)
        }
    }
}
