import Logging
import NATS
import PlaneClientTestSupport
import PlaneProtocol
import PlaneTestSupport
import Testing

@testable import StateReplication

@Suite("Reading the state once, and over a stream made anew", .timeLimit(.minutes(10))) struct StateReadingTests {
    /// Writes down what it is told.
    private final class Listener: FollowedState {
        enum Event: Equatable, Sendable {
            case began, lost, caughtUp
            case applied(UInt64, isReadable: Bool, incarnation: UInt64)
            case purged(String)
            case deleted(UInt64)
        }

        let events = Recorder<Event>()

        func apply(_ message: StateMessage?, sequence: UInt64, published: WireTime, incarnation: UInt64) {
            self.events.record(.applied(sequence, isReadable: message != nil, incarnation: incarnation))
        }

        func began(streamAge age: Duration) { self.events.record(.began) }
        /// No test of this suite breaks the connection.
        var backendNames: [(backend: BackendID, cluster: ClusterName)] { [] }
        func lost() { self.events.record(.lost) }
        func purged(_ backend: BackendID, clusterToken: String) { self.events.record(.purged(backend.rawValue)) }
        func deleted(at sequence: UInt64) { self.events.record(.deleted(sequence)) }
        func caughtUp() { self.events.record(.caughtUp) }

        func has(_ event: Event) -> Bool { self.events.all.contains(event) }
    }

    private static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func follower(_ listener: Listener, _ connection: NATSConnection) -> StateFollower<Listener> {
        StateFollower(jetStream: connection.jetStream, fleet: listener, logger: Self.silent)
    }

    @Test("reading once applies what is there, in order and with what cannot be read, and returns")
    func readOnce() async throws {
        try await withFakeScheduler { scheduler, _ in
            let empty = Listener()
            try await self.follower(empty, scheduler.connection).readOnce()
            #expect(empty.events.all == [.began, .caughtUp])
            try await scheduler.write(.heartbeat)
            _ = try await scheduler.connection.jetStream.publish(Array("not JSON".utf8), to: "state.cluster.plane_test.new")
            let listener = Listener()
            try await self.follower(listener, scheduler.connection).readOnce()
            #expect(
                listener.events.all == [
                    .began, .applied(1, isReadable: true, incarnation: 0), .applied(2, isReadable: false, incarnation: 0), .caughtUp,
                ])
        }
    }

    @Test("reading once, and following on demand, fail where there is no stream; a service waits for it")
    func noStream() async throws {
        try await withNATSServer { server in
            let connection = try await NATSConnection.connect(NATSOptions(servers: [server.url]), logger: Self.silent)
            let listener = Listener()
            await #expect(throws: NATSError.self) { try await self.follower(listener, connection).readOnce() }
            await #expect(throws: NATSError.self) { try await self.follower(listener, connection).follow() }
            let service = Task { await self.follower(listener, connection).run() }
            let scheduler = try await FakeScheduler(server)
            try await eventually("the service has begun") { listener.has(.caughtUp) }
            service.cancel()
            await service.value
            await scheduler.stop()
            await connection.drain(timeout: .seconds(2))
        }
    }

    @Test("what comes, what is purged and deleted, and a stream made anew are told; caught up is said once")
    func followed() async throws {
        try await withFakeScheduler { scheduler, _ in
            let listener = Listener()
            let service = Task { await self.follower(listener, scheduler.connection).run() }
            try await eventually("it is caught up") { listener.has(.caughtUp) }
            try await scheduler.write(drone: "drone-a", backends: ["b1": .swept])
            try await eventually("the messages are applied") { listener.has(.applied(4, isReadable: true, incarnation: 0)) }
            let jetStream = scheduler.connection.jetStream
            // Notices are not repeated, and the subscription to them is not confirmed.
            try await eventually("the purge is told") {
                _ = try await jetStream.purge(stream: StateStream.name, subject: "state.cluster.plane_test.backend.b1.>")
                return listener.has(.purged("b1"))
            }
            try await jetStream.deleteMessage(stream: StateStream.name, sequence: 1)
            try await eventually("the deletion is told") { listener.has(.deleted(1)) }
            _ = try await jetStream.purge(stream: StateStream.name, subject: "state.>")
            try await eventually("the loss is told") { listener.has(.lost) }
            try await scheduler.remakeStateStream()
            try await scheduler.write(.heartbeat)
            try await eventually("the new stream is followed") { listener.has(.applied(1, isReadable: true, incarnation: 1)) }
            #expect(listener.events.all.count { $0 == .caughtUp } == 1)
            service.cancel()
            await service.value
        }
    }

    @Test("reading that is cancelled, or whose connection ends, is no whole reading")
    func brokenOff() async throws {
        try await withFakeScheduler { scheduler, server in
            try await scheduler.write(.heartbeat)
            let connection = try await NATSConnection.connect(NATSOptions(servers: [server.url]), logger: Self.silent)
            await connection.drain(timeout: .seconds(2))
            await #expect(throws: NATSError.self) { try await self.follower(Listener(), connection).readOnce() }
        }
    }
}
