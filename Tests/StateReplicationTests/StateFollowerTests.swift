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

        private struct State {
            var entries: [Entry] = []
            var incarnation: UInt64 = 0
            var backends: Set<BackendID> = []
        }

        private let state = Mutex(State())
        var entries: [Entry] { self.state.withLock { $0.entries } }
        /// As a fleet would know them.
        var backendNames: [(backend: BackendID, cluster: ClusterName)] {
            self.state.withLock { $0.backends.map { ($0, StateFollowerTests.cluster) } }
        }
        var backends: [String] { self.backendNames.map(\.backend.rawValue).sorted() }

        func apply(_ message: StateMessage?, sequence: UInt64, published: WireTime, incarnation: UInt64) {
            self.add(.applied(message, sequence: sequence)) { state in
                if incarnation != state.incarnation { state.backends = [] }
                state.incarnation = incarnation
                if case .cluster(_, .backend(let change))? = message { state.backends.insert(change.backend) }
            }
        }
        func began(streamAge age: Duration) { self.add(.began(hasAge: age >= .seconds(-1) && age < .seconds(60))) }
        func lost() { self.add(.lost) { $0.backends = [] } }
        func purged(_ backend: BackendID, clusterToken: String) {
            self.add(.purged(backend, clusterToken: clusterToken)) { $0.backends.remove(backend) }
        }
        func deleted(at sequence: UInt64) { self.add(.deleted(sequence)) }
        func caughtUp() { self.add(.caughtUp) }

        private func add(_ entry: Entry, _ change: (inout State) -> Void = { _ in }) {
            self.state.withLock { state in
                state.entries.append(entry)
                change(&state)
            }
        }
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
        try await self.followingServer(log: log, prepare: prepare) { diary, jetStream, _ in try await body(diary, jetStream) }
    }

    static func followingServer(
        log: LogRecorder = LogRecorder(), prepare: @Sendable (JetStream) async throws -> Void = { try await StateFollowerTests.makeStream($0) },
        _ body: @escaping @Sendable (Diary, JetStream, NATSServer) async throws -> Void
    ) async throws {
        try await withNATSServer { server in
            let connection = try await NATSConnection.connect(NATSOptions(servers: [server.url]), logger: log.logger)
            try await prepare(connection.jetStream)
            let diary = Diary()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await StateFollower(jetStream: connection.jetStream, fleet: diary, logger: log.logger).run() }
                try await body(diary, connection.jetStream, server)
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

    static func state(_ backend: String, _ state: BackendState) throws -> StateMessage {
        .cluster(
            Self.cluster, .backend(BackendMessage(backend: try #require(BackendID(rawValue: backend)), change: .state(state, at: StateTime(milliseconds: 1)))))
    }

    /// Runs `body` with a connection of somebody else while the follower's is broken.
    static func unheard(_ server: NATSServer, _ body: (JetStream) async throws -> Void) async throws {
        try await server.whileElsewhere { url in
            let connection = try await NATSConnection.connect(NATSOptions(servers: [url]), logger: LogRecorder().logger)
            try await body(connection.jetStream)
            await connection.drain(timeout: .seconds(1))
        }
    }

    @Test("what was purged while the connection was broken is told after it, and what is still there is not")
    func purgedUnheard() async throws {
        try await Self.followingServer { diary, jetStream, server in
            for backend in ["one", "two", "three"] { try await Self.publish(Self.state(backend, .swept), jetStream) }
            try await eventually("they are known") { diary.backends.count == 3 }
            try await Self.unheard(server) { others in
                _ = try await others.purge(stream: StateStream.name, subject: "state.cluster.plane_test.backend.two.>")
                try await others.deleteMessage(stream: StateStream.name, sequence: 3)
                try await Self.publish(Self.state("four", .swept), others)
            }
            try await eventually("the purged ones are told") { diary.backends == ["four", "one"] }
            #expect(!diary.entries.contains(.lost))
        }
    }

    @Test("a stream that was purged while the connection was broken is told after it, and what is in it now is told after that")
    func lostUnheard() async throws {
        try await Self.followingServer { diary, jetStream, server in
            try await Self.publish(Self.state("one", .swept), jetStream)
            try await eventually("it is known") { diary.backends == ["one"] }
            try await Self.unheard(server) { others in
                _ = try await others.purge(stream: StateStream.name, subject: "state.>")
                try await Self.publish(Self.state("one", .ready), others)
            }
            try await eventually("the loss is told, and what was written after it") {
                guard let lost = diary.entries.firstIndex(of: .lost) else { return false }
                return diary.entries[lost...].contains { if case .applied(_, sequence: 2) = $0 { true } else { false } }
            }
            #expect(diary.entries.count { $0 == .caughtUp } == 1)
        }
    }

    @Test("a stream that was made anew while the connection was broken is told by its messages, not as purges")
    func remadeUnheard() async throws {
        try await Self.followingServer { diary, jetStream, server in
            try await Self.publish(Self.state("one", .swept), jetStream)
            try await eventually("it is known") { diary.backends == ["one"] }
            try await Self.unheard(server) { others in
                _ = try await others.connection.request([], to: "$JS.API.STREAM.DELETE.\(StateStream.name)", timeout: .seconds(60))
                try await Self.makeStream(others)
                try await Self.publish(Self.challenge("a"), others)
            }
            try await eventually("the new stream is read") { diary.entries.contains(.applied(Self.challenge("a"), sequence: 1)) }
            // A purge that is heard after it comes after whatever the comparison has found.
            try await eventually("a later purge is told") {
                try await Self.publish(Self.state("two", .swept), jetStream)
                _ = try await jetStream.purge(stream: StateStream.name, subject: "state.cluster.plane_test.backend.two.>")
                return diary.entries.contains(.purged(BackendID(rawValue: "two")!, clusterToken: "plane_test"))
            }
            #expect(!diary.entries.contains(.purged(BackendID(rawValue: "one")!, clusterToken: "plane_test")))
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
