import NATS
import PlaneTestSupport
import Testing

@Suite("Ordered consumer of a busy stream", .timeLimit(.minutes(10)))
struct OrderedConsumerCatchUpTests {
    @Test("W17: catches up with a stream whose messages are replaced all the while")
    func replaced() async throws {
        try await withNATSServer { server in
            let connection = try await NATSConnection.make(server)
            let jetStream = connection.jetStream
            _ = try await jetStream.ensureStream(StreamConfiguration(name: "fleet", subjects: ["fleet.>"], maxMessagesPerSubject: 1))
            for number in 0..<5000 { try connection.publish("x".bytes, to: "fleet.\(number)") }
            try await connection.flush()
            let last = try await jetStream.publish("x".bytes, to: "fleet.last").sequence
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    // The next to be read, and others, are replaced before they are.
                    for round in 0... {
                        guard !Task.isCancelled else { return }
                        for number in 0..<50 { try connection.publish("y".bytes, to: "fleet.\((round * 50 + number) % 5000)") }
                        try await connection.flush()
                    }
                }
                let consumer = try await jetStream.orderedConsumer(stream: "fleet", from: .first)
                for await message in consumer where message.sequence >= last {
                    #expect(message.pending == 0)
                    break
                }
                group.cancelAll()
                // Cancelled while it waited for the server, it is as good as at its end.
                try? await group.waitForAll()
            }
            await connection.drain()
        }
    }
}
