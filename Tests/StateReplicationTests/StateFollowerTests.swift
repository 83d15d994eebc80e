import Logging
import NATS
import PlaneProtocol
import PlaneTestSupport
import Synchronization
import Testing

@testable import StateReplication

@Suite("A follower of the fleet's state", .timeLimit(.minutes(10))) struct StateFollowerTests {
    /// What a follower has told, in order.
    final class Diary: FollowedState {
        enum Entry: Hashable {
            case began(hasAge: Bool)
            case applied(StateMessage?, sequence: UInt64)
            case caughtUp, lost
            case purged(BackendID, clusterToken: String)
            case deleted(UInt64)
        }

        private let state = Mutex<[Entry]>([])
        var entries: [Entry] { self.state.withLock { $0 } }

        func apply(_ message: StateMessage?, sequence: UInt64, published: WireTime, incarnation: UInt64) {
            self.add(.applied(message, sequence: sequence))
        }
        func began(streamAge age: Duration) { self.add(.began(hasAge: age >= .seconds(-1) && age < .seconds(60))) }
        func lost() { self.add(.lost) }
        func purged(_ backend: BackendID, clusterToken: String) { self.add(.purged(backend, clusterToken: clusterToken)) }
        func deleted(at sequence: UInt64) { self.add(.deleted(sequence)) }
        func caughtUp() { self.add(.caughtUp) }

        private func add(_ entry: Entry) { self.state.withLock { $0.append(entry) } }
    }

    static let cluster = ClusterName(rawValue: "plane.test")!

    static func challenge(_ value: String) -> StateMessage { .cluster(Self.cluster, .acme(value)) }

    static func makeStream(_ jetStream: JetStream) async throws {
        _ = try await jetStream.ensureStream(StreamConfiguration(name: StateStream.name, subjects: ["state.>"], maxMessagesPerSubject: 1))
    }

    static func publish(_ message: StateMessage, _ jetStream: JetStream) async throws {
        _ = try await jetStream.publish(WireCodec.encode(message), to: message.subject)
    }

    /// Follows the stream of a server of this test while `body` runs.
    static func following(
        log: LogRecorder = LogRecorder(), prepare: @Sendable (JetStream) async throws -> Void = { try await StateFollowerTests.makeStream($0) },
        _ body: @escaping @Sendable (Diary, JetStream) async throws -> Void
    ) async throws {
        try await withNATSServer { server in
            let connection = try await NATSConnection.connect(NATSOptions(servers: [server.url]), logger: log.logger)
            try await prepare(connection.jetStream)
            let diary = Diary()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await StateFollower(jetStream: connection.jetStream, fleet: diary, logger: log.logger).run() }
                try await body(diary, connection.jetStream)
                group.cancelAll()
            }
            await connection.drain(timeout: .seconds(1))
        }
    }

    @Test("an empty stream is caught up with at once")
    func empty() async throws {
        try await Self.following { diary, _ in
            try await eventually("it is caught up") { diary.entries == [.began(hasAge: true), .caughtUp] }
        }
    }

    @Test("what is in the stream is told in order, then that this is all, once, and then what is written")
    func order() async throws {
        try await Self.following(prepare: { jetStream in
            try await Self.makeStream(jetStream)
            try await Self.publish(Self.challenge("a"), jetStream)
            try await Self.publish(.heartbeat, jetStream)
        }) { diary, jetStream in
            let before: [Diary.Entry] = [
                .began(hasAge: true), .applied(Self.challenge("a"), sequence: 1), .applied(.heartbeat, sequence: 2), .caughtUp,
            ]
            try await eventually("it is caught up") { diary.entries == before }
            try await Self.publish(Self.challenge("b"), jetStream)
            try await eventually("the new one is told") { diary.entries == before + [.applied(Self.challenge("b"), sequence: 3)] }
        }
    }

    @Test("a message that cannot be read is logged and counts as one without content")
    func unreadable() async throws {
        let log = LogRecorder()
        try await Self.following(log: log) { diary, jetStream in
            _ = try await jetStream.publish(Array("{".utf8), to: "state.heartbeat")
            try await eventually("it is counted") { diary.entries.contains(.applied(nil, sequence: 1)) }
            let entry = await log.entry("message in the stream cannot be read")
            #expect(entry.metadata["subject"] == "state.heartbeat" && entry.metadata["sequence"] == "1")
        }
    }

    @Test("a stream that is not there yet is waited for")
    func noStream() async throws {
        let log = LogRecorder()
        try await Self.following(log: log, prepare: { _ in }) { diary, jetStream in
            _ = await log.entry("the state of the fleet cannot be read yet")
            #expect(diary.entries.isEmpty)
            try await Self.makeStream(jetStream)
            try await eventually("it has begun") { diary.entries == [.began(hasAge: true), .caughtUp] }
        }
    }

    @Test("what somebody purges or deletes is told")
    func purges() async throws {
        let log = LogRecorder()
        try await Self.following(log: log) { diary, jetStream in
            try await eventually("it is caught up") { diary.entries.contains(.caughtUp) }
            // Notices are heard from a moment on that nobody tells: the first purge is repeated until it is noticed.
            let backend = "state.cluster.plane_test.backend.one"
            try await eventually("a purged backend is told") {
                _ = try await jetStream.publish(Array("{}".utf8), to: "\(backend).state.Ready")
                _ = try await jetStream.purge(stream: StateStream.name, subject: "\(backend).>")
                return diary.entries.contains(.purged(BackendID(rawValue: "one")!, clusterToken: "plane_test"))
            }
            let sequence = try await jetStream.publish(Array("{}".utf8), to: "state.heartbeat").sequence
            try await jetStream.deleteMessage(stream: StateStream.name, sequence: sequence)
            try await eventually("a deleted message is told") { diary.entries.contains(.deleted(sequence)) }
            #expect(!diary.entries.contains(.lost))
            _ = try await jetStream.purge(stream: StateStream.name, subject: "state.>")
            try await eventually("a purged stream is told") { diary.entries.contains(.lost) }
            _ = await log.entry("the state of the fleet was purged, and is rebuilt from what the drones say")
        }
    }

    @Test("a closed connection ends it")
    func closed() async throws {
        try await withNATSServer { server in
            let logger = LogRecorder().logger
            let connection = try await NATSConnection.connect(NATSOptions(servers: [server.url]), logger: logger)
            try await Self.makeStream(connection.jetStream)
            let diary = Diary()
            async let followed: Void = StateFollower(jetStream: connection.jetStream, fleet: diary, logger: logger).run()
            try await eventually("it has begun") { diary.entries.contains(.caughtUp) }
            await connection.drain(timeout: .seconds(1))
            await followed
        }
    }
}
