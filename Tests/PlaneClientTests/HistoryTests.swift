import NATS
import PlaneClient
import PlaneClientTestSupport
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneTestSupport
import Testing

@Suite("Histories and logs, on a real NATS", .timeLimit(.minutes(10))) struct HistoryTests {
    private static func states(_ history: BackendHistory) async throws(PlaneError) -> [BackendState] {
        var states: [BackendState] = []
        for try await message in history { states.append(message.state) }
        return states
    }

    @Test("a history has what is kept, in order; a followed one goes on to the end of the backend and not further")
    func history() async throws {
        try await withClient { client, scheduler in
            for state in [BackendState.loading, .starting] { try await scheduler.publish(try .make(state)) }
            #expect(try await Self.states(client.history(of: .make("b1"), follows: false)) == [.loading, .starting])
            let followed = try await client.history(of: .make("b1"), follows: true)
            for state in [BackendState.ready, .swept, .terminated] { try await scheduler.publish(try .make(state)) }
            #expect(try await Self.states(followed) == [.loading, .starting, .ready, .swept])
            #expect(try await client.newestState(of: .make("b1"))?.state == .terminated)
        }
    }

    @Test("of a backend that nobody knows there is nothing, and a followed history waits for it")
    func unknown() async throws {
        try await withClient { client, scheduler in
            let history = try await client.history(of: .make("b1"), follows: false)
            #expect(history.isEmpty)
            #expect(try await Self.states(history) == [])
            #expect(try await client.newestState(of: .make("b1")) == nil)
            async let ended = client.waitUntilEnded(.make("b1"))
            try await scheduler.publish(try .make(.exited))
            #expect(try await ended.state == .exited)
        }
    }

    @Test("a message of a newer version is passed over, be it the last one")
    func unreadable() async throws {
        try await withClient { client, scheduler in
            try await scheduler.publish(try .make(.loading))
            let subject = BackendStateMessage.subject(backend: try .make("b1"))
            _ = try await scheduler.connection.jetStream.publish(Array(#"{"version":9}"#.utf8), to: subject)
            #expect(try await Self.states(client.history(of: .make("b1"), follows: false)) == [.loading])
        }
    }

    @Test("a followed history says so when the connection ends, and when its task is cancelled")
    func brokenOff() async throws {
        try await withClient { client, scheduler in
            try await scheduler.publish(try .make(.loading))
            let backend = try BackendID.make("b1")
            let seen = Recorder<BackendState>()
            let cancelled = Task {
                await failure { () async throws(PlaneError) in
                    for try await message in try await client.history(of: backend, follows: true) { seen.record(message.state) }
                }
            }
            try await eventually("it reads") { !seen.all.isEmpty }
            cancelled.cancel()
            guard case .cancelled? = await cancelled.value else { Issue.record("not cancelled"); return }
            let closed = Task { await failure { () async throws(PlaneError) in _ = try await client.waitUntilEnded(backend) } }
            let again = try await client.history(of: backend, follows: true)
            var iterator = again.makeAsyncIterator()
            #expect(try await iterator.next()?.state == .loading)
            await client.bus.connection.drain(timeout: .seconds(2))
            guard case .connectionEnded? = await failure(of: { () async throws(PlaneError) in _ = try await iterator.next() }) else {
                Issue.record("the connection has not ended")
                return
            }
            #expect(await closed.value != nil)
        }
    }

    @Test("the newest lines of a log, oldest first; a followed log goes on")
    func log() async throws {
        try await withClient { client, scheduler in
            for line in ["one", "two", "three"] { try await scheduler.log("b1", line) }
            #expect(try await client.lastLogEntries(2, of: .make("b1")).map(\.text) == ["two", "three"])
            #expect(try await client.lastLogEntries(2, of: .make("b9")) == [])
            let followed = try #require(try await client.logs(of: .make("b1"), follows: true).first)
            try await scheduler.log("b1", "four")
            var texts: [String] = []
            for await stored in followed {
                texts.append(LogEntry(stored.message).text)
                if texts.count == 4 { break }
            }
            #expect(texts == ["one", "two", "three", "four"])
        }
    }

    @Test("a NATS without the streams is no empty system")
    func noStreams() async throws {
        try await withNATSServer { server in
            let client = try await client(on: server)
            for thrown in [
                await failure { () async throws(PlaneError) in _ = try await client.readState() },
                await failure { () async throws(PlaneError) in _ = try await client.newStates() },
            ] {
                guard case .connection(let cause)? = thrown else { Issue.record("\(String(describing: thrown))"); continue }
                #expect(cause.code == .streamNotFound)
            }
        }
    }
}
