import Logging
import NATS
import NetworkAddresses
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneState
import PlaneTestSupport
import SchedulerCore
import Testing
import StateReplication

/// On a real nats-server, with agents that are subscriptions.
@Suite("Scheduler and what it is told") struct SchedulerMonitorTests {
    @Test("a reported state reaches the public feed with identical fields")
    func republished() async throws {
        try await TestCluster.run { cluster in
            let update = UpdateBackendStateMessage(
                cluster: TestCluster.name, state: .ready, backend: .make(), time: WireTime("2024-03-11T09:15:30.123456789Z")!,
                drone: .make(), detail: BackendStatusDetail(phases: SpawnPhases(ready: 213_000)))
            _ = try await cluster.bus.request(update)
            let feed = try await cluster.stream(SchedulerStreams.backendStatus)
            #expect(feed.map(\.subject) == ["backend.backend-1.status"])
            let message: BackendStateMessage = try WireCodec.decode(from: feed[0].payload, subject: feed[0].subject)
            #expect(message == BackendStateMessage(update))
        }
    }

    @Test("that a drone registers is told once, and again when something about it has changed, however often it says so")
    func registered() async throws {
        let log = LogRecorder()
        try await TestCluster.run(logger: log.logger) { cluster in
            func register(_ version: String) async throws {
                let request = DroneConnectRequest(droneID: .make(), version: version, cluster: TestCluster.name, ip: .v4(0x7F00_0001))
                _ = try await cluster.bus.request(request)
                try await eventually("the fleet knows it") {
                    cluster.fleet.ask { $0.drone(.make(), in: TestCluster.name)?.metadata?.version } == version
                }
            }
            for _ in 0..<3 { try await register("1") }
            let lines = { log.entries.count { $0.message == "drone registered" && $0.level >= .info } }
            #expect(lines() == 1)
            for _ in 0..<3 { try await register("2") }
            #expect(lines() == 2)
        }
    }

    @Test("S10: the answer comes when both streams have the state, and a repeated report changes neither")
    func repeated() async throws {
        try await TestCluster.run(schedulers: 2) { cluster in
            let update = UpdateBackendStateMessage(
                cluster: TestCluster.name, state: .starting, backend: .make(), time: .now(), drone: .make())
            _ = try await cluster.bus.request(update)
            let before = try await cluster.stream(filter: "state.cluster.>") + cluster.stream(SchedulerStreams.backendStatus)
            #expect(before.count == 2)
            for _ in 0..<5 { _ = try await cluster.bus.request(update) }
            let after = try await cluster.stream(filter: "state.cluster.>") + cluster.stream(SchedulerStreams.backendStatus)
            #expect(after.map(\.sequence) == before.map(\.sequence))
        }
    }

    @Test("each time a container is frozen or thawed is told in the feed once, and the fleet's state does not grow")
    func held() async throws {
        try await TestCluster.run { cluster in
            func report(_ second: Int64, _ detail: BackendStatusDetail?) -> UpdateBackendStateMessage {
                UpdateBackendStateMessage(
                    cluster: TestCluster.name, state: .ready, backend: .make(), time: WireTime(seconds: second), drone: .make(), detail: detail)
            }
            _ = try await cluster.bus.request(report(1, nil))
            let before = try await cluster.stream(filter: "state.cluster.>").count
            let changes = [(2, true), (3, false), (4, true)].map { report($0.0, BackendStatusDetail(isHeld: $0.1)) }
            for change in changes + changes { _ = try await cluster.bus.request(change) }
            let feed = try await cluster.stream(SchedulerStreams.backendStatus).map { message in
                try WireCodec.decode(BackendStateMessage.self, from: message.payload, subject: message.subject)
            }
            #expect(feed.map(\.detail?.isHeld) == [nil, true, false, true])
            #expect(try await cluster.stream(filter: "state.cluster.>").count == before)
        }
    }

    @Test("a backend's life appears in the fleet as it is reported, and a replay of the stream yields it with its times")
    func lifecycle() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster) { drone in
                let id = try await cluster.spawned().backendID
                for state in [BackendState.loading, .starting, .ready, .swept] {
                    try await cluster.report(state, id, drone: drone.id)
                    try await cluster.waitForState("\(state)") { fleet in
                        fleet.ask { $0.backend(id, in: TestCluster.name)?.state == state }
                    }
                }
                let states = try await cluster.stream(filter: "state.cluster.plane_test.backend.\(id).state.*").map { message in
                    try WireCodec.decode(StateMessage.self, from: message.payload, subject: message.subject)
                }
                let times = states.compactMap { message -> (BackendState, StateTime)? in
                    guard case .cluster(_, .backend(let message)) = message, case .state(let state, let time) = message.change else { return nil }
                    return (state, time)
                }
                #expect(times.map(\.0) == [.loading, .starting, .ready, .swept])
                #expect(times.map(\.1) == times.map(\.1).sorted())
            }
        }
    }

    @Test("a backend that lives on after it was written off is told to stop, and does not come back to life")
    func livesOn() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster) { drone in
                let id = try await cluster.spawned().backendID
                try await cluster.waitForState("Loading") { fleet in fleet.ask { $0.backend(id, in: TestCluster.name)?.state == .loading } }
                try await cluster.report(.lost, id)
                try await cluster.waitForState("Lost") { fleet in fleet.ask { $0.backend(id, in: TestCluster.name)?.state == .lost } }
                try await cluster.report(.ready, id)
                try await eventually("the drone is told") { drone.terminated == [id] }
                let subjects = try await cluster.stream(filter: "state.cluster.plane_test.backend.\(id).state.*").map(\.subject)
                #expect(subjects.map { $0.split(separator: ".").last } == ["Loading", "Lost"])
            }
        }
    }

    @Test("challenge values are stored per cluster and answered true")
    func challenges() async throws {
        try await TestCluster.run { cluster in
            let other = ClusterName(rawValue: "other.test")!
            for value in ["one", "two"] {
                let stored = try await cluster.bus.request(SetAcmeDNSRecord(cluster: TestCluster.name, value: value))
                #expect(stored)
            }
            _ = try await cluster.bus.request(SetAcmeDNSRecord(cluster: other, value: "three"))
            try await cluster.waitForState("the values") { fleet in
                fleet.ask { $0.acmeValues(in: TestCluster.name) == ["one", "two"] && $0.acmeValues(in: other) == ["three"] }
            }
        }
    }

    @Test("a challenge longer than a TXT record's string is refused, and so is a version that nobody needs so long")
    func tooLong() async throws {
        try await TestCluster.run { cluster in
            let longest = String(repeating: "v", count: SetAcmeDNSRecord.maximumBytes)
            let isStored = try await cluster.bus.request(SetAcmeDNSRecord(cluster: TestCluster.name, value: longest))
            #expect(isStored)
            await #expect(throws: BusRequestError.self) {
                try await cluster.bus.request(SetAcmeDNSRecord(cluster: TestCluster.name, value: longest + "v"))
            }
            await #expect(throws: BusRequestError.self) {
                try await cluster.bus.request(
                    DroneConnectRequest(
                        droneID: .make(), version: String(repeating: "1", count: 70_000), cluster: TestCluster.name, ip: .v4(0x7F00_0001)))
            }
            try await cluster.waitForState("the value that fits") { fleet in fleet.ask { $0.acmeValues(in: TestCluster.name) == [longest] } }
            #expect(cluster.fleet.ask { $0.drone(.make(), in: TestCluster.name) } == nil)
        }
    }

    @Test("lines in the stream of logs are not acknowledged, so that the server publishes nothing for who wrote them")
    func noAcknowledgement() async throws {
        try await TestCluster.run { cluster in
            let connection = cluster.bus.connection
            let before = try await cluster.stream(filter: "state.cluster.>").count
            for replySubject in ["$JS.API.STREAM.PURGE.plane_state", "state.cluster.plane_test.drone.drone-2.meta"] {
                try connection.publish(Array("{}".utf8), to: "backend.one.log", reply: replySubject)
            }
            try connection.publish(Array("{}".utf8), to: "backend.two.log")
            try await eventually("the lines are stored") { try await cluster.stream("backend_logs").count == 3 }
            #expect(try await cluster.stream(filter: "state.cluster.>").count == before)
            try await eventually("a heartbeat") { try await !cluster.stream(filter: "state.heartbeat").isEmpty }
        }
    }

    @Test("D4: challenge values that many schedulers take at once are all there for a reader that starts afterwards")
    func challengesAtOnce() async throws {
        try await TestCluster.run(schedulers: 3) { cluster in
            let values = Set((1...8).map { "value \($0)" })
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for value in values {
                    group.addTask { try await cluster.bus.request(SetAcmeDNSRecord(cluster: TestCluster.name, value: value)) }
                }
                for try await stored in group { #expect(stored) }
            }
            let late = StateStore()
            let follower = Task {  // Cancelled below.
                await StateFollower(jetStream: cluster.bus.connection.jetStream, fleet: late, logger: TestCluster.silent).run()
            }
            await late.waitUntilCaughtUp()
            #expect(Set(late.ask { $0.acmeValues(in: TestCluster.name) }) == values)
            follower.cancel()
        }
    }

    @Test("S12: a report, a registration and a request that were merely published are carried out, and the next ones too")
    func published() async throws {
        try await TestCluster.run { cluster in
            try cluster.bus.publish(
                UpdateBackendStateMessage(cluster: TestCluster.name, state: .ready, backend: .make(), time: .now(), drone: .make()))
            try cluster.bus.publish(SetAcmeDNSRecord(cluster: TestCluster.name, value: "one"))
            try cluster.bus.publish(ScheduleRequest.make())
            try await FakeDrone.run(in: cluster) { drone in
                try cluster.bus.publish(ScheduleRequest.make())
                try await eventually("the backend is spawned") { !drone.spawned.isEmpty }
                _ = try await cluster.spawned()
            }
            try await cluster.waitForState("state and value") { fleet in
                fleet.ask {
                    $0.backend(.make(), in: TestCluster.name)?.state == .ready && $0.acmeValues(in: TestCluster.name) == ["one"]
                }
            }
        }
    }

    @Test("a registration that says what the stream holds is not written again; one that says something else is, and so is every one to a stream made again")
    func repeatedRegistration() async throws {
        try await TestCluster.run { cluster in
            let subject = DroneMessage.metadataSubject(of: .make(), in: TestCluster.name)
            let jetStream = cluster.bus.connection.jetStream
            func register(_ ip: UInt32) async throws -> UInt64? {
                let request = DroneConnectRequest(droneID: .make(), version: "test", cluster: TestCluster.name, ip: .v4(ip))
                guard try await cluster.bus.request(request) else { return nil }
                return try await jetStream.lastMessage(stream: "plane_state", subject: subject)?.sequence
            }
            let first = try #require(try await register(0x7F00_0001))
            #expect(try await register(0x7F00_0001) == first)
            let moved = try #require(try await register(0x7F00_0002))
            #expect(moved > first)
            // At once, whatever a scheduler has read of the stream by then.
            let back = try #require(try await register(0x7F00_0001))
            #expect(back > moved)
            _ = try await jetStream.purge(stream: "plane_state", subject: subject)
            #expect(try #require(try await register(0x7F00_0001)) > back)
        }
    }

    @Test("a heartbeat says beside it which version its scheduler is, and is what it was for those who do not look")
    func version() async throws {
        try await TestCluster.run { cluster in
            try await eventually("a heartbeat says it") {
                let headers = try await cluster.bus.connection.jetStream.headersOfLastMessage(stream: "plane_state", subject: "state.heartbeat")
                return headers?[StateMessage.versionHeader] == BuildInformation.version
            }
            let heartbeat = try await cluster.bus.connection.jetStream.lastMessage(stream: "plane_state", subject: "state.heartbeat")
            #expect(heartbeat?.payload == Array(#"{"heartbeat":null}"#.utf8))
        }
    }

    @Test("the heartbeat is in the stream, and the streams are as others expect them")
    func streams() async throws {
        try await TestCluster.run { cluster in
            try await eventually("a heartbeat") { try await !cluster.stream(filter: "state.heartbeat").isEmpty }
            for (name, subjects) in [
                ("plane_state", ["state.>"]), ("backend_logs", ["backend.*.log"]), ("backend_status", ["backend.*.status"]),
                ("dns_record", ["cluster.*.dns.*"]),
            ] {
                let info = try await cluster.bus.connection.jetStream.streamInfo(name)
                #expect(info.subjects == subjects)
            }
        }
    }

    @Test("S11: after the server was gone for a while, everything goes on")
    func restart() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster) { drone in
                _ = try await cluster.spawned(.make(lock: .make()))
                try await cluster.server.restart(.kill)
                try await eventually("connected again") { cluster.bus.connection.isConnected }
                try await eventually("schedulers answer") {
                    guard let reply = try? await cluster.schedule(.make(lock: .make())) else { return false }
                    guard case .scheduled(let backend) = reply else { return false }
                    return !backend.spawned
                }
                // An agent repeats this too: the stream is there a moment later than its server.
                try await eventually("the drone is registered again") { (try? await drone.appear(.draining)) != nil }
                try await drone.say(.ready)
                try await eventually("the scheduler sees that it is current again") { (try? await cluster.spawned()) != nil }
            }
        }
    }
}
