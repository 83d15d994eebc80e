import Logging
import NATS
import PlaneMessaging
import PlaneTestSupport
import Testing

@Suite("A lease in a stream", .timeLimit(.minutes(10))) struct StreamLeaseTests {
    private static let duration = Duration.seconds(30)

    /// Two processes that want the same lease.
    private static func withRivals(_ body: (StreamLease, StreamLease, JetStream) async throws -> Void) async throws {
        try await withNATSServer { server in
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let connection = try await NATSConnection.connect(NATSOptions(servers: [server.url]), logger: logger)
            _ = try await connection.jetStream.ensureStream(StreamConfiguration(name: "leases", subjects: ["lease.>"], maxMessagesPerSubject: 1))
            func lease() -> StreamLease {
                StreamLease(stream: "leases", subject: "lease.test", duration: Self.duration, jetStream: connection.jetStream)
            }
            try await body(lease(), lease(), connection.jetStream)
            await connection.drain(timeout: .seconds(1))
        }
    }

    @Test("one process has it, renews it, and gives it to the next by taking its message away")
    func handOver() async throws {
        try await Self.withRivals { first, second, _ in
            try await first.write()
            #expect(first.isHeld())
            let refused = await #expect(throws: NATSError.self) { try await second.write() }
            #expect(refused?.code == .wrongLastSequence)
            #expect(!second.isHeld())
            try await first.write()
            await first.remove()
            #expect(!first.isHeld())
            try await second.write()
            #expect(second.isHeld())
        }
    }

    @Test("its holder stops relying on it before others may take it")
    func margin() async throws {
        try await Self.withRivals { first, second, _ in
            let start = ContinuousClock.now
            try await first.write(at: start)
            let stood = try #require(try await second.read())
            #expect(second.isAlive(stood.sequence, at: start))
            let stops = start + .seconds(20)
            #expect(first.isHeld(at: stops - .milliseconds(1)))
            #expect(!first.isHeld(at: stops))
            #expect(second.isAlive(stood.sequence, at: stops))
        }
    }

    @Test("one that is renewed stays its holder's, whatever any clock says; one that is not is taken after its duration")
    func takenOver() async throws {
        try await Self.withRivals { first, second, _ in
            let start = ContinuousClock.now
            try await first.write()
            let before = try #require(try await second.read())
            #expect(second.isAlive(before.sequence, at: start))
            try await first.write()
            let after = try #require(try await second.read())
            #expect(second.isAlive(after.sequence, at: start + Self.duration))
            #expect(!second.isAlive(after.sequence, at: start + Self.duration * 2))
            try await second.write(replacing: after.sequence)
            #expect(second.isHeld())
            let refused = await #expect(throws: NATSError.self) { try await first.write() }
            #expect(refused?.code == .wrongLastSequence)
            #expect(!first.isHeld())
        }
    }

    @Test("a last word ends it, and whoever has no lease has none to say")
    func lastWord() async throws {
        try await Self.withRivals { first, second, jetStream in
            try await second.end(with: [1])
            #expect(try await jetStream.lastMessage(stream: "leases", subject: "lease.test") == nil)
            try await first.write()
            try await first.end(with: [2])
            #expect(!first.isHeld())
            #expect(try await second.read()?.payload == [2])
        }
    }
}
