import Logging
import NATS
import PlaneProtocol
import PlaneTestSupport
import ServiceLifecycle
import Synchronization
import Testing

@testable import PlaneMessaging

@Suite("Messages over NATS") struct PlaneBusTests {
    static let drone = DroneID(rawValue: "drone-a")!
    static let cluster = ClusterName(rawValue: "plane.test")!

    static func bus(_ server: NATSServer) async throws -> PlaneBus {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        return PlaneBus(connection: try await NATSConnection.connect(NATSOptions(servers: [server.url]), logger: logger), logger: logger)
    }

    /// Serves drain requests with `handler` while `body` runs.
    static func withDrains(
        maxConcurrent: Int = 16, handler: @escaping @Sendable (DrainDrone) async -> Result<UnitReply, ErrorReply>?,
        _ body: @escaping @Sendable (PlaneBus) async throws -> Void
    ) async throws {
        try await withNATSServer(jetStream: false) { server in
            let bus = try await Self.bus(server)
            let subscription = try bus.subscribe(to: DrainDrone.self, queue: "test")
            try await bus.connection.flush()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await subscription.serve(maxConcurrent: maxConcurrent, handler: handler) }
                try await body(bus)
                group.cancelAll()
            }
        }
    }

    static func drain(_ drain: Bool) -> DrainDrone { DrainDrone(drone: Self.drone, cluster: Self.cluster, drain: drain) }

    @Test("a request gets the typed answer of its handler")
    func request() async throws {
        try await Self.withDrains(handler: { _ in .success(UnitReply()) }) { bus in
            let reply = try await bus.request(Self.drain(true))
            #expect(reply == UnitReply())
        }
    }

    @Test("a refusal reaches the requester as one")
    func refusal() async throws {
        let reply = ErrorReply(code: .notPermitted, message: "no")
        try await Self.withDrains(handler: { _ in .failure(reply) }) { bus in
            let failure = await #expect(throws: BusRequestError.self) { try await bus.request(Self.drain(true)) }
            guard case .refused(reply)? = failure else {
                Issue.record("\(String(describing: failure))")
                return
            }
            #expect(failure?.isRefusal == true)
        }
    }

    @Test(
        "S2: what cannot be read is answered with the reason, never with silence",
        arguments: [
            ("{}", "drone: expected a drone id"), ("not JSON", "expected"),
            (#"{"drone":"drone-b","cluster":"plane.test","drain":true}"#, "expected a message for cluster.plane_test.drone.drone-b.drain"),
        ])
    func unreadable(payload: String, reason: String) async throws {
        try await Self.withDrains(handler: { _ in .success(UnitReply()) }) { bus in
            let answer = try await bus.connection.request(Array(payload.utf8), to: Self.drain(true).subject)
            let text = String(decoding: answer.payload, as: UTF8.self)
            #expect(text.hasPrefix(#"{"Error":{"code":"BadRequest","message":""#) && text.contains(reason), "\(text)")
        }
    }

    @Test("S12: a message without a reply subject is carried out, and the next ones too")
    func noReplySubject() async throws {
        let (seen, saw) = AsyncStream.makeStream(of: Bool.self)
        try await Self.withDrains(
            handler: { request in
                saw.yield(request.drain)
                return .success(UnitReply())
            }
        ) { bus in
            try bus.publish(Self.drain(true))
            try bus.connection.publish(Array("{".utf8), to: Self.drain(true).subject)
            #expect(try await bus.request(Self.drain(false)) == UnitReply())
            // Handlers run beside each other, so the second may begin first.
            var iterator = seen.makeAsyncIterator()
            #expect(Set([await iterator.next(), await iterator.next()]) == [true, false])
        }
    }

    @Test(
        "an answer goes to an inbox and nowhere else, and the request is carried out all the same",
        arguments: [
            "$JS.API.STREAM.PURGE.plane_state", "state.cluster.plane_test.drone.drone-2.meta", "cluster.plane_test.backend.one.terminate",
            "backend.one.status", "lease.housekeeping", "state.inbox.one", "$JS.FC.plane_state.one",
        ])
    func answerElsewhere(replySubject: String) async throws {
        let seen = Mutex<[Bool]>([])
        try await Self.withDrains(
            handler: { request in
                seen.withLock { $0.append(request.drain) }
                return .success(UnitReply())
            }
        ) { bus in
            let elsewhere = Mutex<[String]>([])
            let watch = try bus.connection.subscribe(">")
            let watching = Task { for await message in watch { elsewhere.withLock { $0.append(message.subject) } } }
            try bus.connection.publish(WireCodec.encode(Self.drain(true)), to: Self.drain(true).subject, reply: replySubject)
            try bus.connection.publish(Array("{".utf8), to: Self.drain(true).subject, reply: replySubject)
            try await eventually("it is carried out") { seen.withLock { $0 == [true] } }
            // Its answer passes the same server later than the others would.
            _ = try await bus.request(Self.drain(false))
            try await eventually("the watcher has seen that answer") { elsewhere.withLock { $0.contains { $0.hasPrefix("_INBOX.") } } }
            #expect(elsewhere.withLock { !$0.contains(replySubject) })
            watching.cancel()
        }
    }

    @Test("what a stream delivers is no request, whether a consumer delivers it or the stream publishes it again, and is told once")
    func deliveredByStream() async throws {
        let log = LogRecorder()
        try await withNATSServer { server in
            let bus = PlaneBus(
                connection: try await NATSConnection.connect(NATSOptions(servers: [server.url]), logger: log.logger), logger: log.logger)
            let subject = Self.drain(true).subject
            let (heard, seen) = (Recorder<String>(), Recorder<Bool>())
            let raw = try bus.connection.subscribe(subject)
            let subscription = try bus.subscribe(to: DrainDrone.self, on: subject)
            for (name, more) in [("kept", ""), ("again", #","republish":{"src":"again","dest":"\#(subject)"}"#)] {
                let stream = #"{"name":"\#(name)","subjects":["\#(name)"],"storage":"memory"\#(more)}"#
                _ = try await bus.connection.request(Array(stream.utf8), to: "$JS.API.STREAM.CREATE.\(name)", timeout: .seconds(60))
            }
            for policy in ["none", "explicit"] {
                let consumer = #"{"stream_name":"kept","config":{"deliver_subject":"\#(subject)","ack_policy":"\#(policy)"}}"#
                _ = try await bus.connection.request(Array(consumer.utf8), to: "$JS.API.CONSUMER.CREATE.kept", timeout: .seconds(60))
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { for await message in raw { heard.record(message.subject) } }
                group.addTask {
                    await subscription.serve(maxConcurrent: 1) { request in
                        seen.record(request.drain)
                        return .success(UnitReply())
                    }
                }
                for stream in ["kept", "again"] { _ = try await bus.connection.jetStream.publish(WireCodec.encode(Self.drain(true)), to: stream) }
                try await eventually("both consumers and the stream have published it") { heard.all.count >= 3 }
                #expect(try await bus.request(Self.drain(false)) == UnitReply())
                group.cancelAll()
            }
            #expect(seen.all == [false])
            await bus.connection.drain()
        }
        #expect(log.entries.filter { $0.message.contains("a stream delivers it") }.count == 1, "\(log.text)")
    }

    @Test("the first answer that goes nowhere is told, the others are only counted")
    func answersDropped() async throws {
        let log = LogRecorder()
        try await withNATSServer(jetStream: false) { server in
            let bus = PlaneBus(
                connection: try await NATSConnection.connect(NATSOptions(servers: [server.url]), logger: log.logger), logger: log.logger)
            let subscription = try bus.subscribe(to: DrainDrone.self)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await subscription.serve(maxConcurrent: 1) { _ in .success(UnitReply()) } }
                for _ in 0..<20 {
                    try bus.connection.publish(WireCodec.encode(Self.drain(true)), to: Self.drain(true).subject, reply: "lease.housekeeping")
                }
                _ = try await bus.request(Self.drain(true))
                group.cancelAll()
            }
        }
        #expect(log.entries.filter { $0.message.contains("answer is not sent") }.count == 1, "\(log.text)")
        #expect(log.text.contains("lease.housekeeping"))
    }

    @Test("no more handlers run at the same time than allowed, and every request is answered")
    func concurrency() async throws {
        let running = Mutex((now: 0, most: 0))
        try await Self.withDrains(
            maxConcurrent: 3,
            handler: { _ in
                running.withLock {
                    $0.now += 1
                    $0.most = max($0.most, $0.now)
                }
                await Task.yield()
                running.withLock { $0.now -= 1 }
                return .success(UnitReply())
            }
        ) { bus in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<200 { group.addTask { _ = try await bus.request(Self.drain(true)) } }
                try await group.waitForAll()
            }
        }
        #expect((1...3).contains(running.withLock { $0.most }))
    }

    @Test("a graceful shutdown ends the serving, and what had arrived is still answered")
    func shutdown() async throws {
        try await withNATSServer(jetStream: false) { server in
            let server = try await Self.bus(server)
            let subscription = try server.subscribe(to: DrainDrone.self)
            try await server.connection.flush()
            let (arrivals, arrived) = AsyncStream.makeStream(of: Void.self)
            let (releases, release) = AsyncStream.makeStream(of: Void.self)
            let service = ServingService {
                await subscription.serve(maxConcurrent: 1) { _ in
                    arrived.yield()
                    for await _ in releases { break }
                    return .success(UnitReply())
                }
            }
            let group = ServiceGroup(services: [service], logger: server.logger)
            async let finished: Void = group.run()
            async let answer = server.request(Self.drain(true))
            for await _ in arrivals { break }
            await group.triggerGracefulShutdown()
            release.yield()
            _ = try await answer
            try await finished
        }
    }

    private struct ServingService: Service {
        let body: @Sendable () async -> Void
        func run() async throws { await self.body() }
    }

    @Test("nobody there is a refusal, silence is none")
    func silence() async throws {
        try await Self.withDrains(handler: { _ in nil }) { bus in
            let nobody = await #expect(throws: BusRequestError.self) {
                try await bus.request(SetAcmeDNSRecord(cluster: Self.cluster, value: "v"))
            }
            #expect(nobody?.isRefusal == true)
            let silent = await #expect(throws: BusRequestError.self) { try await bus.request(Self.drain(true), timeout: .milliseconds(50)) }
            #expect(silent?.isRefusal == false)
        }
    }
}
