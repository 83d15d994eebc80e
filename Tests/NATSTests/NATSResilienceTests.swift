import Logging
@testable import NATS
import PlaneTestSupport
import Synchronization
import Testing
import Timing

@Suite("A NATS connection under stress", .serialized, .timeLimit(.minutes(10)))
struct NATSResilienceTests {
    @Test("tries again while no server is up, tells so, and gives up after the attempts it was allowed")
    func unreachable() async throws {
        let server = try await NATSServer.start(jetStream: false)
        await server.stop()
        let log = LogRecorder()
        let error = await #expect(throws: NATSError.self) {
            _ = try await NATSConnection.make(server, logger: log.logger) {
                $0.initialAttempts = 3
                $0.initialAttemptDelay = .milliseconds(10)
            }
        }
        #expect(error?.code == .unreachable)
        #expect(error?.isRetryable == true)
        let attempts = log.entries.filter { $0.message == "NATS is not reachable yet" }
        #expect(attempts.map(\.level) == [.warning, .debug], "the same error is told once")
        try await server.startAgain()
        let others = ["nats://127.0.0.1:1", server.url]
        let connection = try await NATSConnection.make(server) { $0.servers = others }
        #expect(connection.isConnected)
        await connection.drain()
        await server.stop()
    }

    @Test("however long a server was away, whoever needs it tries again within half a second")
    func timeLimit() throws {
        #expect(try #require(NativeEventBox.reconnectPauses.pauses.max()) * 1.5 <= .milliseconds(500))
    }

    @Test("that the connection is still away is logged only after it was logged that it broke, whichever the library says first")
    func order() async throws {
        try await withNATSServer { server in
            let log = LogRecorder()
            let connection = try await NATSConnection.make(server, logger: log.logger)
            let generation = connection.state.withLock { $0.generation }
            connection.handle(.stillDisconnected(count: 1), generation: generation)
            connection.handle(.disconnected, generation: generation)
            connection.handle(.stillDisconnected(count: 2), generation: generation)
            let told = log.entries.map(\.message).filter { $0.contains("disconnected") }
            #expect(told == ["disconnected from NATS, reconnecting for ever", "still disconnected from NATS"])
            await connection.drain()
        }
    }

    @Test("a server restarted under traffic: every request is answered in the end, and the log tells the story")
    func restartUnderTraffic() async throws {
        try await withNATSServer { server in
            let log = LogRecorder()
            let client = try await NATSConnection.make(server, logger: log.logger)
            let service = try await NATSConnection.make(server)
            let requests = try service.subscribe("echo", queue: "echo")
            try await service.flush()
            async let serving: Void = {
                for await request in requests { try? service.publish(request.payload, to: request.reply ?? "") }
            }()
            let (progress, report) = AsyncStream.makeStream(of: Int.self)
            async let answered: Int = withTaskGroup(of: Int.self) { group in
                for worker in 0..<20 {
                    group.addTask {
                        var answers = 0
                        while answers < 500 {
                            let answer = try? await client.request("\(worker)".bytes, to: "echo", timeout: .seconds(1))
                            guard answer != nil else { continue }  // Repeated until answered.
                            answers += 1
                            report.yield(answers)
                        }
                        return answers
                    }
                }
                return await group.reduce(0, +)
            }
            _ = await progress.first { $0 == 100 }
            try await server.restart(.kill)
            _ = await progress.first { $0 == 300 }
            try await server.restart(.terminate)
            #expect(await answered == 20 * 500)
            let messages = log.entries.map(\.message)
            #expect(messages.contains("disconnected from NATS, reconnecting for ever"))
            #expect(messages.contains("reconnected to NATS"))
            await service.drain()
            await serving
            await client.drain()
        }
    }

    @Test("what is published while the server is away is delivered when it is back")
    func publishWhileDisconnected() async throws {
        try await withNATSServer { server in
            let connection = try await NATSConnection.make(server)
            let subscription = try connection.subscribe("a")
            let events = connection.events
            await server.stop(.kill)
            _ = await events.first { $0 == .disconnected }
            #expect(!connection.isConnected)
            try connection.publish("kept".bytes, to: "a")
            try await server.startAgain()
            #expect(await subscription.first(1).map(\.text) == ["kept"])
            _ = await events.first { $0 == .reconnected }
            #expect(connection.isConnected)
            await connection.drain()
        }
    }

    @Test("nobody waits while the connection is restored from a server that says nothing, and what was asked for meanwhile is done afterwards, in order")
    func silentServer() async throws {
        try await withNATSServer { server in
            // An attempt to connect takes this long, in which libnats keeps everybody else waiting.
            let connection = try await NATSConnection.make(server) { $0.connectTimeout = .seconds(600) }
            let (former, ended) = (try connection.subscribe("former"), try connection.subscribe("ended"))
            try await connection.flush()
            let events = connection.events
            await server.stop(.kill)
            let silent = try TestBackend(port: server.port)
            let attempt = try await silent.accept()
            _ = await events.first { $0 == .disconnected }
            let new = try connection.subscribe("new.*")
            for number in 1...3 { try connection.publish("\(number)".bytes, to: "new.\(number)") }
            try connection.publish([], to: "former")
            let question = Task { try await connection.request([], to: "new.4", timeout: .seconds(600)) }
            ended.drain()
            #expect(await ended.first(1).isEmpty)
            try connection.subscribe("cancelled").cancel()
            #expect(!connection.isConnected)
            // The attempt is not over yet, so nobody has waited for it.
            #expect(!attempt.hasEnded)
            silent.stopListening()
            attempt.close()
            try await server.startAgain()
            #expect(await former.first(1).count == 1)
            let heard = await new.first(4)
            #expect(heard.prefix(3).map(\.text) == ["1", "2", "3"] && heard.last?.subject == "new.4")
            try connection.publish("answer".bytes, to: try #require(heard.last?.reply))
            #expect(try await question.value.text == "answer")
            await connection.drain()
        }
    }

    @Test("a request in flight when the server dies fails at once and may be repeated")
    func requestWhileDying() async throws {
        try await withNATSServer { server in
            let connection = try await NATSConnection.make(server)
            let silent = try connection.subscribe("silent")
            let request = Task { try await connection.request([], to: "silent", timeout: .seconds(600)) }
            _ = await silent.first(1)
            await server.stop(.kill)
            let error = await #expect(throws: NATSError.self) { try await request.value }
            #expect(error?.code == .disconnected)
            #expect(error?.isRetryable == true)
            await connection.drain(timeout: .milliseconds(100))
        }
    }

    @Test("a slow reader loses the newest messages, and is told how many")
    func slowConsumer() async throws {
        try await withNATSServer { server in
            let log = LogRecorder()
            let connection = try await NATSConnection.make(server, logger: log.logger)
            let events = connection.events
            let subscription = try connection.subscribe("a", bufferLimit: 10)
            for number in 0..<1000 { try connection.publish("\(number)".bytes, to: "a") }
            try await connection.flush()
            // The delivery thread passes this message on behind the others.
            let marker = try connection.subscribe("marker")
            try connection.publish([], to: "marker")
            _ = await marker.first(1)
            #expect(subscription.droppedMessages == 990)
            #expect(await subscription.first(10).map(\.text) == (0..<10).map { "\($0)" })
            #expect(await events.first { if case .slowConsumer("a", 1) = $0 { true } else { false } } != nil)
            #expect(log.entries.contains { $0.message == "messages dropped, their reader is too slow" })
            await connection.drain()
        }
    }
}
