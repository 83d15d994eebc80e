import NATS
import PlaneTestSupport
import Testing
import UTCTime

@Suite("An ordered consumer", .timeLimit(.minutes(10)))
struct OrderedConsumerTests {
    private static let stream = StreamConfiguration(name: "s", subjects: ["s.>"])
    /// Quick enough for a test to see a lost consumer replaced.
    private static let timing = OrderedConsumerTiming(
        heartbeat: .milliseconds(200), silenceLimit: .milliseconds(600), inactiveThreshold: .seconds(2))

    @Test("gives sequence, time, pending count, subject and payload")
    func metadata() async throws {
        try await withNATSServer { server in
            let connection = try await NATSConnection.make(server)
            let jetStream = connection.jetStream
            _ = try await jetStream.ensureStream(Self.stream)
            for number in 1...3 { _ = try await jetStream.publish("\(number)".bytes, to: "s.\(number)") }
            let consumer = try await jetStream.orderedConsumer(stream: "s", from: .first)
            #expect(consumer.initialPending == 3)
            let messages = await consumer.first(3)
            #expect(messages.map(\.sequence) == [1, 2, 3])
            #expect(messages.map(\.pending) == [2, 1, 0])
            #expect(messages.map(\.subject) == ["s.1", "s.2", "s.3"])
            #expect(messages.map(\.payload) == ["1", "2", "3"].map(\.bytes))
            #expect(messages[0].published <= messages[2].published)
            #expect(messages[0].published.seconds > 1_700_000_000)
            #expect(consumer.isCurrent)
            await connection.drain()
        }
    }

    @Test("starts at a sequence, or with what is new, and filters by subject")
    func starts() async throws {
        try await withNATSServer { server in
            let connection = try await NATSConnection.make(server)
            let jetStream = connection.jetStream
            _ = try await jetStream.ensureStream(Self.stream)
            for number in 1...6 { _ = try await jetStream.publish([], to: number % 2 == 0 ? "s.even" : "s.odd") }
            let fourth = try await jetStream.orderedConsumer(stream: "s", from: .sequence(4))
            #expect(await fourth.first(3).map(\.sequence) == [4, 5, 6])
            let even = try await jetStream.orderedConsumer(stream: "s", filter: "s.even", from: .first)
            #expect(await even.first(3).map(\.sequence) == [2, 4, 6])
            let new = try await jetStream.orderedConsumer(stream: "s", from: .new)
            #expect(new.initialPending == 0)
            _ = try await jetStream.publish([], to: "s.odd")
            #expect(await new.first(1).map(\.sequence) == [7])
            await connection.drain()
        }
    }

    @Test("W15: leaves no consumer behind")
    func leavesNothing() async throws {
        try await withNATSServer { server in
            let connection = try await NATSConnection.make(server)
            let jetStream = connection.jetStream
            _ = try await jetStream.ensureStream(Self.stream)
            _ = try await jetStream.publish([], to: "s.a")
            do {
                let consumer = try await jetStream.orderedConsumer(stream: "s", from: .first)
                #expect(await consumer.first(1).count == 1)
                #expect(try await jetStream.streamInfo("s").consumers == 1)
            }
            try await connection.flush()
            #expect(try await jetStream.streamInfo("s").consumers == 0)
            let other = try await NATSConnection.make(server)
            let consumer = try await other.jetStream.orderedConsumer(stream: "s", from: .first)
            await other.drain()
            #expect(await consumer.first(2).count <= 1)
            #expect(try await jetStream.streamInfo("s").consumers == 0)
            await connection.drain()
        }
    }

    @Test("W17: reads a long history at once, bounded by flow control while the reader is slow")
    func longHistory() async throws {
        try await withNATSServer { server in
            let connection = try await NATSConnection.make(server)
            let jetStream = connection.jetStream
            _ = try await jetStream.ensureStream(Self.stream)
            let count = 20_000
            for number in 1...count { try connection.publish("\(number)".bytes, to: "s.a") }
            _ = try await jetStream.publish([], to: "s.end")
            let consumer = try await jetStream.orderedConsumer(stream: "s", from: .first)
            var expected: UInt64 = 1
            for await message in consumer {
                #expect(message.sequence == expected)
                expected += 1
                if message.pending == 0 { break }
            }
            #expect(expected == UInt64(count + 2))
            await connection.drain()
        }
    }

    @Test("W16: goes on after the server was killed and came back", arguments: [NATSServer.Signal.terminate, .kill])
    func serverRestart(signal: NATSServer.Signal) async throws {
        try await withNATSServer { server in
            let connection = try await NATSConnection.make(server)
            let jetStream = connection.jetStream
            _ = try await jetStream.ensureStream(Self.stream)
            for _ in 0..<5 { _ = try await jetStream.publish([], to: "s.a") }
            let consumer = try await jetStream.orderedConsumer(stream: "s", from: .first, timing: Self.timing)
            #expect(await consumer.first(5).map(\.sequence) == [1, 2, 3, 4, 5])
            try await server.restart(signal)
            // A second connection publishes, whatever the first one is doing.
            let other = try await NATSConnection.make(server)
            for _ in 0..<5 { _ = try await other.jetStream.publish([], to: "s.a") }
            let messages = await consumer.first(5)
            #expect(messages.map(\.sequence) == [6, 7, 8, 9, 10])
            #expect(messages.allSatisfy { $0.streamIncarnation == 0 })
            await other.drain()
            await connection.drain()
        }
    }

    /// With `NATSResilienceTests`, where a client tries again within half a second, it follows within a second of the server's return.
    @Test("goes on as soon as the connection is back, and not because it has heard nothing for so long")
    func noWaitAfterReconnect() async throws {
        try await withNATSServer { server in
            let connection = try await NATSConnection.make(server)
            let jetStream = connection.jetStream
            _ = try await jetStream.ensureStream(Self.stream)
            let patient = OrderedConsumerTiming(heartbeat: .seconds(200), silenceLimit: .seconds(600), inactiveThreshold: .seconds(600))
            let consumer = try await jetStream.orderedConsumer(stream: "s", from: .first, timing: patient)
            _ = try await jetStream.publish([], to: "s.a")
            #expect(await consumer.first(1).map(\.sequence) == [1])
            try await server.restart(.kill)
            let back = ContinuousClock.now
            _ = try await NATSConnection.make(server).jetStream.publish([], to: "s.a")
            #expect(await consumer.first(1).map(\.sequence) == [2])
            print("followed again \(ContinuousClock.now - back) after the server's return")
            await connection.drain()
        }
    }

    @Test("W16: replaces a consumer that vanished from the server")
    func lostConsumer() async throws {
        try await withNATSServer { server in
            let connection = try await NATSConnection.make(server)
            let jetStream = connection.jetStream
            _ = try await jetStream.ensureStream(Self.stream)
            _ = try await jetStream.publish([], to: "s.a")
            let consumer = try await jetStream.orderedConsumer(stream: "s", from: .first, timing: Self.timing)
            #expect(await consumer.first(1).map(\.sequence) == [1])
            let names = try await connection.request([], to: "$JS.API.CONSUMER.NAMES.s").text
            let name = try #require(names.firstRange(of: "\"consumers\":[\"").map { names[$0.upperBound...].prefix { $0 != "\"" } })
            _ = try await connection.request([], to: "$JS.API.CONSUMER.DELETE.s.\(name)")
            _ = try await jetStream.publish([], to: "s.a")
            #expect(await consumer.first(1).map(\.sequence) == [2])
            await connection.drain()
        }
    }

    @Test("W16: waits for a stream that was deleted, and says that the new one is another")
    func replacedStream() async throws {
        try await withNATSServer { server in
            let connection = try await NATSConnection.make(server)
            let jetStream = connection.jetStream
            _ = try await jetStream.ensureStream(Self.stream)
            for _ in 0..<3 { _ = try await jetStream.publish([], to: "s.a") }
            let consumer = try await jetStream.orderedConsumer(stream: "s", from: .first, timing: Self.timing)
            #expect(await consumer.first(3).map(\.streamIncarnation) == [0, 0, 0])
            _ = try await connection.request([], to: "$JS.API.STREAM.DELETE.s")
            _ = try await jetStream.ensureStream(Self.stream)
            _ = try await jetStream.publish("new".bytes, to: "s.a")
            let messages = await consumer.first(1)
            #expect(messages.map(\.sequence) == [1])
            #expect(messages.map(\.streamIncarnation) == [1])
            await connection.drain()
        }
    }

    @Test("says at once that there is no such stream")
    func noStream() async throws {
        try await withNATSServer { server in
            let connection = try await NATSConnection.make(server)
            let error = await #expect(throws: NATSError.self) {
                _ = try await connection.jetStream.orderedConsumer(stream: "nothing", from: .first)
            }
            #expect(error?.code == .streamNotFound)
            await connection.drain()
        }
    }
}
