import Foundation
import Logging
import LogKeys
import NATS
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneState
import PlaneTestSupport
import SchedulerCoreConfiguration
import Testing

@testable import SchedulerCore

/// The streams of a cluster, on a real nats-server that other programs use as well.
@Suite("Scheduler and streams", .timeLimit(.minutes(10))) struct SchedulerStreamTests {
    static let ownStreams = ["plane_state", "backend_status", "plane_leases", "backend_logs", "plane_certificates", "plane_keys", "plane_tokens", "dns_record"]

    static func keeper(_ bus: PlaneBus, logger: Logger = TestCluster.silent) -> StreamMaintainer {
        StreamMaintainer(jetStream: bus.connection.jetStream, configuration: .init(), logger: logger)
    }

    static func make(_ name: String, _ subjects: [String], on bus: PlaneBus, more: String = "") async throws {
        let list = subjects.map { "\"\($0)\"" }.joined(separator: ",")
        let body = #"{"name":"\#(name)","subjects":[\#(list)],"storage":"file","retention":"limits"\#(more)}"#
        let answer = try await bus.connection.request(Array(body.utf8), to: "$JS.API.STREAM.CREATE.\(name)", timeout: .seconds(60))
        #expect(!String(decoding: answer.payload, as: UTF8.self).contains(#""error""#))
    }

    @Test("no answer is sent to a subject that a stream keeps, whatever stands for its wildcards", arguments: [false, true])
    func noInboxes(isStrict: Bool) {
        var configuration = SchedulerConfiguration()
        configuration.acceptsLegacyPeers = !isStrict
        configuration.keepsTokenUsesApart = isStrict
        let subjects = SchedulerStreams.all(configuration).flatMap(\.configuration.subjects)
        #expect(subjects.contains("visited.*.*"))
        for subject in subjects {
            let filled = subject.replacing("*", with: "inbox")
            for subject in filled.hasSuffix(">") ? ["inbox.x", "inbox", "x"].map({ filled.dropLast() + $0 }) : [filled] {
                #expect(!ReplySubjects().contains(String(subject)), "\(subject)")
            }
        }
    }

    // MARK: One server

    @Test("on a single server the streams have one copy from the first start on, and nothing is said of more")
    func singleServer() async throws {
        let log = LogRecorder()
        try await withNATSServer { server in
            let bus = try await TestCluster.bus(server, logger: log.logger)
            let keeper = Self.keeper(bus, logger: log.logger)
            try await keeper.ensure()
            await keeper.checkAll()
            for name in Self.ownStreams { #expect(try await bus.connection.jetStream.streamInfo(name).replicas == 1) }
            let lines = log.entries.filter { $0.level >= .info }.map(\.message)
            #expect(!lines.contains { $0.contains("stream") }, "\(lines)")
            await bus.connection.drain()
        }
    }

    @Test("streams that an earlier version has raised are brought back, and outlive a restart without a scheduler, consumers and all")
    func raisedStreams() async throws {
        try await withNATSServer { server in
            let bus = try await TestCluster.bus(server)
            let (jetStream, keeper) = (bus.connection.jetStream, Self.keeper(bus))
            try await keeper.ensure()
            for name in Self.ownStreams {
                // Servers from 2.12 on refuse it.
                let body = try await bus.connection.request([], to: "$JS.API.STREAM.INFO.\(name)", timeout: .seconds(60)).payload
                var config = try #require((try JSONSerialization.jsonObject(with: Data(body)) as? [String: Any])?["config"] as? [String: Any])
                config["num_replicas"] = 3
                let raised = try JSONSerialization.data(withJSONObject: config)
                _ = try await bus.connection.request([UInt8](raised), to: "$JS.API.STREAM.UPDATE.\(name)", timeout: .seconds(60))
            }
            _ = try await jetStream.publish(Array("{}".utf8), to: "backend.b-1.status")
            let consumer = #"{"stream_name":"backend_status","config":{"durable_name":"app","ack_policy":"explicit"}}"#
            _ = try await bus.connection.request(
                Array(consumer.utf8), to: "$JS.API.CONSUMER.DURABLE.CREATE.backend_status.app", timeout: .seconds(60))
            await keeper.checkAll()
            for name in Self.ownStreams { #expect(try await jetStream.streamInfo(name).replicas == 1) }

            try await server.restart(.kill)
            try await eventually("the connection is back") { bus.connection.isConnected }
            for name in Self.ownStreams { #expect(try await jetStream.streamInfo(name).replicas == 1) }
            let status = try await jetStream.streamInfo("backend_status")
            #expect(status.messages == 1 && status.consumers == 1)
            await bus.connection.drain()
        }
    }

    @Test("after a restart of the only server requests are served again within a second, not after the fleet was rebuilt")
    func servedAfterRestart() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster) { drone in
                let held = try await cluster.spawned(.make(lock: .make()))
                // Rebuilding a lost stream takes six seconds and more, each time. Beside other tests one of five is enough.
                var best = Duration.seconds(60)
                for round in 0..<5 where best >= .seconds(1) {
                    await cluster.server.stop(.kill)
                    try await eventually("the scheduler knows") { !cluster.fleet.isCurrent }
                    try await cluster.server.startAgain()
                    let back = ContinuousClock.now
                    try await eventually("a request is served") {
                        try? drone.beat()
                        let request = ScheduleRequest.make(lock: .make("other-\(round)"))
                        guard case .scheduled? = try? await cluster.bus.request(request, timeout: .milliseconds(300)) else { return false }
                        return true
                    }
                    best = min(best, ContinuousClock.now - back)
                    print("served again \(ContinuousClock.now - back) after the server's return")
                    #expect(cluster.fleet.ask { $0.backend(held.backendID, in: TestCluster.name)?.drone } == drone.id, "nothing was lost")
                    let again = try await cluster.spawned(.make(lock: .make()))
                    #expect(again.backendID == held.backendID && !again.spawned)
                }
                #expect(best < .seconds(1))
            }
        }
    }

    // MARK: Other people's streams

    @Test("a stream that stores every request as well, for auditing, answers none of them", arguments: [FakeDrone.Subjects.own, .shared])
    func auditing(subjects: FakeDrone.Subjects) async throws {
        try await TestCluster.run { cluster in
            try await Self.make(
                "AUDIT",
                [
                    "cluster.*.drone.register", "cluster.*.drone.*.spawn", "cluster.*.drone.*.roll_call", "cluster.*.backend.*.status",
                    "cluster.*.backend.*.terminate", "cluster.*.schedule", "cluster.*.fetch", "cluster.*.set_acme_record",
                    "cluster.*.drone.*.register", "cluster.*.drone.*.backend.*.status", "cluster.*.drone.*.open_connections", "cluster.*.drone.*.exec.*",
                ], on: cluster.bus)
            // One that refuses all says so in the same way.
            try await Self.make(
                "FULL", ["cluster.*.drone.*.drain"], on: cluster.bus, more: #","max_msgs":1,"discard":"new""#)
            try await FakeDrone.run(in: cluster, registers: subjects) { drone in
                let backend = try await cluster.spawned(.make(lock: .make(), token: true))
                #expect(backend.spawned && drone.spawned.count == 1)
                try await cluster.report(.ready, backend.backendID)
                let fetched = try await cluster.bus.request(FetchBackendForLock(cluster: TestCluster.name, lock: .make()))
                #expect(
                    fetched
                        == .scheduled(
                            FetchedBackend(
                                drone: drone.id, backendID: backend.backendID, bearerToken: backend.bearerToken, url: backend.url)))
                _ = try await cluster.bus.request(TerminationRequest(cluster: TestCluster.name, backendID: backend.backendID))
                #expect(try await cluster.bus.request(SetAcmeDNSRecord(cluster: TestCluster.name, value: "v")))
                try await drone.answeringRollCalls {
                    let call = try await cluster.bus.request(RollCallRequest(cluster: TestCluster.name, drone: drone.id))
                    #expect(call.isComplete)
                }
                let report = UpdateBackendStateMessage(cluster: TestCluster.name, state: .terminated, backend: backend.backendID, time: .now(), drone: drone.id)
                _ = try await cluster.bus.request(DroneStatement(report))
                // What agents are asked: whoever answers late is heard all the same.
                let drains = try cluster.bus.subscribe(to: DrainDrone.self, on: DrainDrone.subject(cluster: TestCluster.name, drone: drone.id))
                let connections = try cluster.bus.subscribe(
                    to: OpenConnectionsRequest.self, on: OpenConnectionsRequest.subject(cluster: TestCluster.name, drone: drone.id))
                let descriptions = try cluster.bus.subscribe(
                    to: DescribeBackend.self, on: DescribeBackend.subject(cluster: TestCluster.name, drone: drone.id))
                let commands = try cluster.bus.subscribe(to: ExecRequest.self, on: ExecRequest.subject(cluster: TestCluster.name, drone: drone.id))
                try await cluster.bus.connection.flush()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    let refusal = ErrorReply(code: .notPermitted, message: "the agent's own")
                    group.addTask { await drains.serve(maxConcurrent: 1) { _ in .success(UnitReply()) } }
                    group.addTask { await connections.serve(maxConcurrent: 1) { _ in .failure(refusal) } }
                    group.addTask { await descriptions.serve(maxConcurrent: 1) { _ in .failure(refusal) } }
                    group.addTask { await commands.serve(maxConcurrent: 1) { _ in .failure(refusal) } }
                    for _ in 0..<3 {
                        #expect(try await cluster.bus.request(DrainDrone(drone: drone.id, cluster: TestCluster.name, drain: true)) == UnitReply())
                    }
                    try await Self.isRefused(OpenConnectionsRequest(cluster: TestCluster.name, drone: drone.id), on: cluster.bus)
                    try await Self.isRefused(DescribeBackend(cluster: TestCluster.name, drone: drone.id, backend: backend.backendID), on: cluster.bus)
                    group.cancelAll()
                }
            }
        }
    }

    /// That it is the agent's word which comes, and not the stream's.
    private static func isRefused(_ request: some PlaneRequest, on bus: PlaneBus) async throws {
        let failure = await #expect(throws: BusRequestError.self) { try await bus.request(request) }
        guard case .refused(let reply)? = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
        #expect(reply.message == "the agent's own")
    }

    @Test("a stream of somebody else's that has the subjects of one that is not essential keeps no scheduler from its work")
    func overlappingHistory() async throws {
        let log = LogRecorder()
        try await withNATSServer { server in
            let bus = try await TestCluster.bus(server)
            try await Self.make("ZONES", ["cluster.*.dns.>"], on: bus)
            try await Self.make("PRINTED", ["backend.*.log"], on: bus)
            try await TestCluster.run(on: [server], logger: log.logger) { cluster in
                try await FakeDrone.run(in: cluster) { _ in
                    let backend = try await cluster.spawned()
                    #expect(backend.spawned)
                }
            }
            let told = log.entries.filter { $0.message == "stream cannot be made, and is done without" }
            #expect(Set(told.compactMap { $0.metadata[LogKey.stream]?.description }) == ["dns_record", "backend_logs"])
            #expect(told.contains { "\($0.metadata)".contains("its subjects cluster.*.dns.* overlap with cluster.*.dns.> of stream ZONES") })
            await bus.connection.drain()
        }
    }

    @Test("one that has the subjects of an essential stream is named, and waited for to be gone")
    func overlappingStatus() async throws {
        let log = LogRecorder()
        try await withNATSServer { server in
            let bus = try await TestCluster.bus(server)
            try await Self.make("ENDS", ["backend.>"], on: bus)
            let keeper = Self.keeper(bus, logger: log.logger)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await keeper.ensure() }
                let entry = await log.entry("stream cannot be made yet")
                #expect(entry.level == .error)
                #expect(entry.metadata[LogKey.stream] == "backend_status")
                #expect("\(entry.metadata)".contains("its subjects backend.*.status overlap with backend.> of stream ENDS"))
                _ = try await bus.connection.request([], to: "$JS.API.STREAM.DELETE.ENDS", timeout: .seconds(60))
                try await group.waitForAll()
            }
            #expect(try await bus.connection.jetStream.streamInfo("backend_status").subjects == ["backend.*.status"])
            await bus.connection.drain()
        }
    }

    // MARK: A small store

    static let smallStore = "jetstream { store_dir: \"$DIRECTORY/store\", max_file_store: 8MB }"

    @Test("what backends print fills no store, however small: the essential streams go on taking what is written")
    func loudBackends() async throws {
        try await withNATSServer(jetStream: false, configuration: Self.smallStore) { server in
            try await TestCluster.run(on: [server]) { cluster in
                let line = [UInt8](repeating: UInt8(ascii: "x"), count: 16 << 10)
                // As agents do: nobody acknowledges a line of a log.
                for number in 0..<600 { try cluster.bus.connection.publish(line, to: "backend.b-\(number % 30).log") }
                try await cluster.bus.connection.flush()
                try await FakeDrone.run(in: cluster) { _ in
                    let backend = try await cluster.spawned()
                    #expect(backend.spawned)
                }
                let logs = try await cluster.bus.connection.jetStream.streamInfo("backend_logs")
                #expect(logs.messages > 0 && logs.bytes <= 1 << 20)
            }
        }
    }

    @Test(
        "a stream without a limit, as earlier versions made it, gets one, and a store that it has filled is free again",
        arguments: [
            ("backend_logs", ["backend.*.log"], "backend.b-1.log"), ("plane_certificates", ["certificate.>"], "certificate.cluster.plane_test"),
            ("plane_keys", ["key.*"], "key"), ("plane_tokens", ["token.*", "revoked.*.*", "opened.*", "visited.*.*"], "token"),
        ])
    func earlierStream(name: String, subjects: [String], filled: String) async throws {
        try await withNATSServer(jetStream: false, configuration: Self.smallStore) { server in
            let bus = try await TestCluster.bus(server)
            let isPerSubject = !filled.hasSuffix(".log")
            try await Self.make(name, subjects, on: bus, more: isPerSubject ? #","max_msgs_per_subject":1"# : "")
            try await Self.fill(filled, bus, eachToOwnSubject: isPerSubject)
            let keeper = Self.keeper(bus)
            try await keeper.ensure()
            await keeper.checkAll()
            _ = try await bus.connection.jetStream.publish([1], to: "state.heartbeat")
            #expect(try await bus.connection.jetStream.streamInfo(name).bytes <= 1 << 20)
            await bus.connection.drain()
        }
    }

    @Test("where drones speak on their own subjects, the stream of lines takes those too, also one that was made before; its own subjects stay")
    func linesOfDrones() async throws {
        try await withNATSServer { server in
            let bus = try await TestCluster.bus(server)
            try await Self.make("backend_logs", ["backend.*.log", "other.log"], on: bus)
            var configuration = SchedulerConfiguration()
            configuration.acceptsLegacyPeers = false
            let keeper = StreamMaintainer(jetStream: bus.connection.jetStream, configuration: configuration, logger: TestCluster.silent)
            await keeper.checkAll()
            #expect(
                try await bus.connection.jetStream.streamInfo("backend_logs").subjects == ["backend.*.log", "other.log", "cluster.*.drone.*.backend.*.log"])
            await bus.connection.drain()
        }
    }

    @Test(
        "where notes of tokens' uses are kept apart, they get a stream of their own, which has their subject from then on; those from before stay where they are"
    )
    func usesApart() async throws {
        try await withNATSServer { server in
            let bus = try await TestCluster.bus(server)
            let jetStream = bus.connection.jetStream
            let former = Self.keeper(bus)
            try await former.ensure()
            _ = try await jetStream.publish([1], to: "used.a")
            _ = try await jetStream.publish([1], to: "token.a")
            var configuration = SchedulerConfiguration()
            configuration.keepsTokenUsesApart = true
            let log = LogRecorder()
            let keeper = StreamMaintainer(jetStream: jetStream, configuration: configuration, logger: log.logger)
            // Schedulers of either kind look after the streams at the same time.
            await keeper.checkAll()
            await former.checkAll()
            await keeper.checkAll()
            _ = await log.entry("a stream has subjects now that another one had")
            _ = try await jetStream.publish([2], to: "used.a")
            _ = try await jetStream.publish([2], to: "used.b")
            #expect(try await jetStream.streamInfo(TokenRecord.stream).subjects == ["token.*", "revoked.*.*", "opened.*", "visited.*.*"])
            #expect(try await jetStream.streamInfo(TokenUse.stream).subjects == ["used.*"])
            #expect(try await jetStream.lastMessage(stream: TokenRecord.stream, subject: "used.a")?.payload == [1])
            #expect(try await jetStream.lastMessage(stream: TokenUse.stream, subject: "used.a")?.payload == [2])
            #expect(try await jetStream.streamInfo(TokenRecord.stream).messages == 2)
            #expect(try await jetStream.streamInfo(TokenUse.stream).messages == 2)
            #expect(log.entries.count { $0.message == "a stream has subjects now that another one had" } == 1)
            await bus.connection.drain()
        }
    }

    @Test("a new system has both streams at once, and a scheduler that ended between the steps of a move is gone on from")
    func usesApartFromTheBeginning() async throws {
        var configuration = SchedulerConfiguration()
        configuration.keepsTokenUsesApart = true
        for isMoving in [false, true] {
            try await withNATSServer { server in
                let bus = try await TestCluster.bus(server)
                if isMoving {
                    try await Self.make(TokenRecord.stream, ["token.*"], on: bus)
                    try await Self.make(TokenUse.stream, [TokenUse.stream], on: bus)
                }
                let keeper = StreamMaintainer(jetStream: bus.connection.jetStream, configuration: configuration, logger: TestCluster.silent)
                try await keeper.ensure()
                await keeper.checkAll()
                _ = try await bus.connection.jetStream.publish([1], to: "used.a")
                #expect(try await bus.connection.jetStream.streamInfo(TokenUse.stream).messages == 1)
                await bus.connection.drain()
            }
        }
    }

    /// Publishes until the server takes no more.
    /// - Parameter eachToOwnSubject: Each message on a subject of its own below the given one.
    static func fill(_ subject: String, _ bus: PlaneBus, eachToOwnSubject: Bool = false) async throws {
        let line = [UInt8](repeating: UInt8(ascii: "x"), count: 64 << 10)
        var count = 0
        try await eventually("the store is full") {
            do throws(NATSError) {
                count += 1
                _ = try await bus.connection.jetStream.publish(line, to: eachToOwnSubject ? "\(subject).\(count)" : subject)
                return false
            } catch {
                return error.apiErrorCode == 10023
            }
        }
    }

    @Test("what NATS says about a store that is full is in the answer and in the log")
    func fullStore() async throws {
        let log = LogRecorder()
        try await withNATSServer(jetStream: false, configuration: Self.smallStore) { server in
            try await TestCluster.run(on: [server], logger: log.logger) { cluster in
                try await Self.make("JUNK", ["junk"], on: cluster.bus)
                try await Self.fill("junk", cluster.bus)
                let words = "503 insufficient resources (10023)"
                try await eventually("a request is told") {
                    guard case .error(let error) = try await cluster.schedule() else { return false }
                    return error.code == .unavailable && error.message.contains(words)
                }
                let entry = await log.entry("the state of the fleet is out of date: NATS does not take or does not bring news")
                #expect("\(entry.metadata)".contains(words))
                let refusal = await #expect(throws: BusRequestError.self) { try await cluster.report(.ready, .make()) }
                #expect("\(String(describing: refusal))".contains(words))
            }
        }
    }

    @Test("limits of size are the configured ones where the store is large, and a part of it where it is small")
    func limits() {
        func limit(_ name: String, _ store: UInt64?, _ configuration: SchedulerConfiguration = .init()) -> Int64? {
            SchedulerStreams.all(configuration, store: store).first { $0.configuration.name == name }?.configuration.maxBytes
        }
        var apart = SchedulerConfiguration()
        apart.acceptsLegacyPeers = false
        apart.keepsTokenUsesApart = true
        for store in [nil, 100 << 30] as [UInt64?] {
            #expect(limit("backend_logs", store) == 1 << 30)
            #expect(limit("backend_status", store) == 256 << 20)
            #expect(limit("plane_tokens", store) == 1 << 30)
            #expect(limit("plane_keys", store) == 256 << 20)
            #expect(limit("plane_certificates", store) == 64 << 20)
            #expect(limit("plane_token_uses", store) == nil && limit("plane_token_uses", store, apart) == 256 << 20)
        }
        #expect(limit("backend_logs", 8_000_000) == 512 << 10)
        #expect(limit("plane_tokens", 8_000_000) == 512 << 10)
        #expect(limit("plane_keys", 8_000_000) == 512 << 10)
        #expect(limit("backend_status", 8_000_000) == 128 << 10)
        #expect(limit("plane_certificates", 8_000_000) == 128 << 10)
        // Only what schedulers alone write has none.
        let unbounded = SchedulerStreams.all(apart).filter { $0.configuration.maxBytes == nil }.map(\.configuration.name)
        #expect(Set(unbounded) == ["plane_state", "plane_secrets", "plane_leases"])
        var unlimited = SchedulerConfiguration()
        unlimited.historyMaxBytes = nil
        #expect(limit("backend_logs", 8_000_000, unlimited) == StreamConfiguration.unlimited)
        #expect(SchedulerStreams.all(.init(), store: 0).allSatisfy { $0.configuration.maxBytes ?? 64 << 10 >= 64 << 10 })
    }

    @Test("that visitors' tokens nearly fill their stream is told, once, before any is forgotten")
    func tokensFillUp() async throws {
        let log = LogRecorder()
        try await withNATSServer(jetStream: false, configuration: Self.smallStore) { server in
            let bus = try await TestCluster.bus(server)
            let keeper = Self.keeper(bus, logger: log.logger)
            try await keeper.ensure()
            await keeper.checkAll()
            func told() -> Int { log.entries.count { $0.message.hasPrefix("visitors' tokens nearly fill their stream") } }
            #expect(told() == 0)
            let jetStream = bus.connection.jetStream
            let limit = try #require(try await jetStream.streamInfo(TokenRecord.stream).maxBytes)
            let size = 16 << 10
            for number in 0..<Int(limit) / size * 17 / 20 {
                _ = try await jetStream.publish([UInt8](repeating: 1, count: size), to: "token.\(number)")
            }
            let info = try await jetStream.streamInfo(TokenRecord.stream)
            #expect(info.firstSequence == 1, "none is forgotten yet")
            await keeper.checkAll()
            await keeper.checkAll()
            #expect(told() == 1)
            await bus.connection.drain()
        }
    }
}
