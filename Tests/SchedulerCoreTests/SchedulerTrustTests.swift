import Foundation
import Logging
import NATS
import NetworkAddresses
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneState
import PlaneTestSupport
import SchedulerCoreConfiguration
import Synchronization
import Testing

@testable import SchedulerCore

/// What one drone can make a scheduler believe about another, and about backends that are not its own.
@Suite("Scheduler and drones that say what is not theirs to say") struct SchedulerTrustTests {
    /// As where permissions let each drone speak on its own subjects only.
    static let hardened: SchedulerConfiguration = {
        var configuration = SchedulerConfiguration()
        configuration.acceptsLegacyPeers = false
        return configuration
    }()

    static func registration(_ id: String, ip: IPAddress) -> DroneConnectRequest {
        DroneConnectRequest(droneID: .make(id), version: "test", cluster: TestCluster.name, ip: ip)
    }

    static func update(_ state: BackendState, _ backend: BackendID, by drone: DroneID, time: WireTime = .now()) -> UpdateBackendStateMessage {
        UpdateBackendStateMessage(cluster: TestCluster.name, state: state, backend: backend, time: time, drone: drone)
    }

    static func refusal(_ body: () async throws(BusRequestError) -> Void) async -> ErrorReply.Code? {
        do {
            try await body()
            return nil
        } catch {
            guard case .refused(let reply) = error else { return nil }
            return reply.code
        }
    }

    static func caller(
        _ cluster: TestCluster, _ configuration: SchedulerConfiguration = .init(), logger: Logger = TestCluster.silent
    ) -> InventoryCollector {
        InventoryCollector(
            bus: cluster.bus, fleet: cluster.fleet, writer: SchedulerRecoveryTests.writer(cluster), configuration: configuration,
            logger: logger)
    }

    static func assigned(_ backend: BackendID, in cluster: TestCluster) -> DroneID? {
        cluster.fleet.ask { $0.drone(of: backend, in: TestCluster.name) }
    }

    @Test("a drone's address changes only on the subject that names it, once legacy drones are not accepted")
    func registration() async throws {
        try await TestCluster.run(configuration: Self.hardened) { cluster in
            let (own, stolen) = (IPAddress.v4(0x7F00_0002), IPAddress.v4(0x7F00_0003))
            #expect(try await cluster.bus.request(DroneStatement(Self.registration("drone-2", ip: own))))
            let code = await Self.refusal { () async throws(BusRequestError) in
                _ = try await cluster.bus.request(Self.registration("drone-2", ip: stolen))
            }
            #expect(code == .notPermitted)
            // The body names another drone than the subject.
            let forged = WireCodec.encode(Self.registration("drone-2", ip: stolen))
            let answer = try await cluster.bus.connection.request(forged, to: "cluster.plane_test.drone.drone-1.register")
            #expect(String(decoding: answer.payload, as: UTF8.self).contains("BadRequest"))
            #expect(try await cluster.bus.request(DroneStatement(Self.registration("drone-1", ip: stolen))))
            try await cluster.waitForState("both drones") { fleet in
                fleet.ask {
                    $0.drone(.make("drone-1"), in: TestCluster.name)?.metadata?.ip == stolen
                        && $0.drone(.make("drone-2"), in: TestCluster.name)?.metadata?.ip == own
                }
            }
        }
    }

    @Test("by default drones of 0.3 are still heard on the subjects they share")
    func legacy() async throws {
        try await TestCluster.run { cluster in
            #expect(try await cluster.bus.request(Self.registration("drone-1", ip: .v4(0x7F00_0001))))
            _ = try await cluster.bus.request(Self.update(.ready, .make(), by: .make("drone-1")))
        }
    }

    @Test("a drone changes the states of its own backends, and of nobody else's")
    func states() async throws {
        try await TestCluster.run(configuration: Self.hardened) { cluster in
            try await FakeDrone.run("drone-2", in: cluster, registers: .own) { drone in
                let victim = try await cluster.spawned(.make(lock: .make()))
                #expect(victim.drone == drone.id)
                _ = try await cluster.bus.request(DroneStatement(Self.update(.starting, victim.backendID, by: drone.id)))
                for state in [BackendState.terminated, .ready] {
                    let code = await Self.refusal { () async throws(BusRequestError) in
                        _ = try await cluster.bus.request(DroneStatement(Self.update(state, victim.backendID, by: .make("drone-1"))))
                    }
                    #expect(code == .unavailable)
                    let shared = await Self.refusal { () async throws(BusRequestError) in
                        _ = try await cluster.bus.request(Self.update(state, victim.backendID, by: drone.id))
                    }
                    #expect(shared == .notPermitted)
                }
                let states = try await cluster.stream(filter: "state.cluster.plane_test.backend.\(victim.backendID).state.*")
                #expect(states.map(\.subject) == ["state.cluster.plane_test.backend.\(victim.backendID).state.Starting"])
                #expect(try await cluster.stream(SchedulerStreams.backendStatus).count == 1)
                #expect(drone.terminated.isEmpty)
                #expect(try await cluster.spawned(.make(lock: .make())).backendID == victim.backendID)

                _ = try await cluster.bus.request(DroneStatement(Self.update(.swept, victim.backendID, by: drone.id)))
                try await cluster.waitForState("its own drone has ended it") { fleet in
                    fleet.ask { $0.backend(victim.backendID, in: TestCluster.name)?.state == .swept }
                }
            }
        }
    }

    @Test("a drone reserves no ids by speaking of backends that do not exist, and an end that nobody needs any more is not repeated for ever")
    func madeUp() async throws {
        try await TestCluster.run(configuration: Self.hardened) { cluster in
            let before = try await cluster.stream(filter: "state.cluster.>").count
            let code = await Self.refusal { () async throws(BusRequestError) in
                _ = try await cluster.bus.request(DroneStatement(Self.update(.failed, .make("made-up"), by: .make("drone-1"))))
            }
            #expect(code == .unavailable)
            let longAgo = WireTime(seconds: WireTime.now().seconds - 90_000)
            _ = try await cluster.bus.request(DroneStatement(Self.update(.failed, .make("purged"), by: .make("drone-1"), time: longAgo)))
            #expect(try await cluster.stream(filter: "state.cluster.>").count == before)
        }
    }

    @Test("an operator writes a backend off whose drone is believed only on its own subjects")
    func operatorWritesOff() async throws {
        try await TestCluster.run(configuration: Self.hardened) { cluster in
            try await FakeDrone.run("drone-2", in: cluster, registers: .own) { drone in
                let backend = try await cluster.spawned().backendID
                _ = try await cluster.bus.request(Self.update(.lost, backend, by: drone.id))
                try await cluster.waitForState("Lost") { fleet in fleet.ask { $0.backend(backend, in: TestCluster.name)?.state == .lost } }
            }
        }
    }

    @Test("a report that is faster than the assignment waits for it")
    func early() async throws {
        try await TestCluster.run(configuration: Self.hardened) { cluster in
            async let report: UnitReply = cluster.bus.request(DroneStatement(Self.update(.loading, .make("early"), by: .make("drone-1"))))
            let assignment = BackendMessage(backend: .make("early"), change: .assignment(BackendAssignment(drone: .make("drone-1"))))
            try await SchedulerRecoveryTests.writer(cluster).write(.cluster(TestCluster.name, .backend(assignment)))
            _ = try await report
            try await cluster.waitForState("Loading") { fleet in
                fleet.ask { $0.backend(.make("early"), in: TestCluster.name)?.state == .loading }
            }
        }
    }

    @Test("a backend that two drones claim stays with the one it is assigned to, with its token, and so does its lock")
    func claimed() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run("drone-2", in: cluster) { victim in
                let backend = try await cluster.spawned(.make(lock: .make(), token: true))
                try await cluster.report(.ready, backend.backendID, drone: victim.id)
                let claim = RollCall.Entry(
                    backend: backend.backendID, state: .ready, bearerToken: Secret("of the attacker's choosing"),
                    lockAssignment: LockAssignment(lock: .make(), uid: LockUID(rawValue: 7)))
                try await FakeDrone.run("drone-1", in: cluster) { attacker in
                    attacker.running.withLock { $0 = [claim] }
                    try await attacker.answeringRollCalls {
                        // The victim does not answer, which proves nothing.
                        guard case .agreed = await Self.caller(cluster).call(attacker.id, in: TestCluster.name) else {
                            Issue.record("the attacker was not heard")
                            return
                        }
                        victim.running.withLock { $0 = [RollCall.Entry(backend: backend.backendID, state: .ready)] }
                        try await victim.answeringRollCalls {
                            _ = await Self.caller(cluster).call(attacker.id, in: TestCluster.name)
                        }
                        #expect(Self.assigned(backend.backendID, in: cluster) == victim.id)
                        var again = try await cluster.spawned(.make(lock: .make()))
                        again.spawned = true
                        #expect(again == backend)

                        // Now the victim says itself that it does not have it.
                        victim.running.withLock { $0 = [] }
                        try await victim.answeringRollCalls {
                            _ = await Self.caller(cluster).call(attacker.id, in: TestCluster.name)
                        }
                        try await cluster.waitForState("the backend has moved") { _ in
                            Self.assigned(backend.backendID, in: cluster) == attacker.id
                        }
                        let moved = try await cluster.spawned(.make(lock: .make()))
                        #expect(moved.bearerToken == backend.bearerToken)
                    }
                }
            }
        }
    }

    @Test("what a lost drone had moves to the drone that has it")
    func movedFromLost() async throws {
        try await TestCluster.run(configuration: Self.hardened) { cluster in
            try await FakeDrone.run("old-name", in: cluster, registers: .own) { old in
                let backend = try await cluster.spawned(.make(lock: .make())).backendID
                _ = try await cluster.bus.request(DroneStatement(Self.update(.ready, backend, by: old.id)))
                let marker = LostMarker(bus: cluster.bus, writer: SchedulerRecoveryTests.writer(cluster), logger: TestCluster.silent)
                _ = await marker.drone(old.id, in: TestCluster.name)
                try await cluster.waitForState("lost") { $0.ask { $0.drone(old.id, in: TestCluster.name)?.state == .lost } }
                try await FakeDrone.run("new-name", in: cluster, registers: .own) { new in
                    new.running.withLock { $0 = [RollCall.Entry(backend: backend, state: .ready)] }
                    try await new.answeringRollCalls {
                        _ = await Self.caller(cluster, Self.hardened).call(new.id, in: TestCluster.name)
                        try await cluster.waitForState("moved") { _ in Self.assigned(backend, in: cluster) == new.id }
                        #expect(try await cluster.spawned(.make(lock: .make())).backendID == backend)
                    }
                }
            }
        }
    }

    @Test("a backend that nobody gave a drone, and the lock it claims for it, count only while the memory of the fleet is young")
    func unknown() async throws {
        try await TestCluster.run(configuration: Self.hardened) { cluster in
            try await FakeDrone.run("drone-1", in: cluster, registers: .own) { drone in
                try await drone.answeringRollCalls {
                    cluster.fleet.began(streamAge: .seconds(86_400))
                    drone.running.withLock { running in
                        running = [SchedulerRecoveryTests.entry("made-up", lock: "doc-1")] + (0..<200).map { SchedulerRecoveryTests.entry("made-up-\($0)") }
                    }
                    let log = LogRecorder()
                    guard case .agreed = await Self.caller(cluster, Self.hardened, logger: log.logger).call(drone.id, in: TestCluster.name) else {
                        Issue.record("the drone was not heard")
                        return
                    }
                    #expect(log.entries.map { $0.metadata["count"] } == ["201"])
                    #expect(try await cluster.stream(filter: "state.cluster.plane_test.backend.>").isEmpty)
                    let backend = try await cluster.spawned(.make(lock: .make("doc-1")))
                    #expect(backend.spawned && backend.backendID != .make("made-up"))

                    cluster.fleet.began(streamAge: .zero)
                    drone.running.withLock { $0 = [SchedulerRecoveryTests.entry("restored", lock: "doc-2")] }
                    _ = await Self.caller(cluster, Self.hardened).call(drone.id, in: TestCluster.name)
                    try await cluster.waitForState("the restored backend") { _ in Self.assigned(.make("restored"), in: cluster) == drone.id }
                }
            }
        }
    }

    @Test("who follows the fleet reads no token; who asks for the lock's backend is told it, by every scheduler, until the backend is forgotten")
    func tokens() async throws {
        try await TestCluster.run(schedulers: 2, configuration: Self.hardened) { cluster in
            try await FakeDrone.run("drone-1", in: cluster, registers: .own) { drone in
                let backend = try await cluster.spawned(.make(lock: .make(), token: true))
                let token = try #require(backend.bearerToken)
                // Readers of the fleet hear of what JetStream is asked, which tells them of purges.
                let advisories = try cluster.bus.connection.subscribe("$JS.EVENT.ADVISORY.API")
                _ = try await cluster.bus.request(DroneStatement(Self.update(.ready, backend.backendID, by: drone.id)))
                #expect(drone.spawned.first?.bearerToken == token)
                for message in try await cluster.stream() {
                    #expect(!String(decoding: message.payload, as: UTF8.self).contains(token.exposed), "\(message.subject)")
                }
                for _ in 0..<6 {
                    #expect(try await cluster.spawned(.make(lock: .make())).bearerToken == token)
                    guard
                        case .scheduled(let fetched) = try await cluster.bus.request(
                            FetchBackendForLock(cluster: TestCluster.name, lock: .make()))
                    else {
                        Issue.record("nobody holds the lock")
                        return
                    }
                    #expect(fetched.bearerToken == token)
                }
                _ = try await cluster.bus.connection.jetStream.streamInfo("plane_state")
                try await cluster.bus.connection.flush()
                advisories.drain()
                for await advisory in advisories {
                    let text = String(decoding: advisory.payload, as: UTF8.self)
                    let encoded = Data(token.exposed.utf8).base64EncodedString()
                    #expect(!text.contains(token.exposed) && !text.contains(encoded), "\(text)")
                }
                // An id that is in use does not lose its token to who asks for it again.
                let mine = try await cluster.spawned(.make(id: .make("mine"), token: true))
                let tokenStore = BearerTokenStore(jetStream: cluster.bus.connection.jetStream, configuration: Self.hardened)
                let second = BackendAssignment(drone: drone.id, bearerToken: Secret("another"))
                await #expect(throws: NATSError.self) {
                    try await tokenStore.putAway(second, of: mine.backendID, in: TestCluster.name, isFirst: true)
                }
                #expect(try await tokenStore.token(of: mine.backendID, in: TestCluster.name) == mine.bearerToken)

                _ = try await cluster.bus.request(DroneStatement(Self.update(.swept, backend.backendID, by: drone.id)))
                try await cluster.waitForState("ended") { $0.ask { $0.backend(backend.backendID, in: TestCluster.name)?.state == .swept } }
                let retention = Retention(
                    jetStream: cluster.bus.connection.jetStream, fleet: cluster.fleet, configuration: Self.hardened, logger: TestCluster.silent)
                var scan = RetentionScan()
                for _ in 0..<6 { await retention.advance(&scan, now: .now().adding(.seconds(25 * 3600))) }
                #expect(try await tokenStore.token(of: backend.backendID, in: TestCluster.name) == nil)
            }
        }
    }

    @Test("tokens that were written while readers of 0.3.24 were accepted are taken out of the state of the fleet, and stay known to schedulers")
    func earlierTokens() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster) { drone in
                let locked = try await cluster.spawned(.make(lock: .make(), token: true))
                let free = try await cluster.spawned(.make(token: true))
                // As the first versions wrote an assignment.
                let old = BackendMessage(backend: .make("old"), change: .assignment(BackendAssignment(drone: drone.id, bearerToken: Secret("old token"))))
                _ = try await cluster.bus.connection.jetStream.publish(
                    WireCodec.encode(StateMessage.cluster(TestCluster.name, .backend(old))), to: "state.cluster.plane_test.backend.old")
                let tokens = [try #require(locked.bearerToken).exposed, try #require(free.bearerToken).exposed, "old token"]
                let ids: [BackendID] = [locked.backendID, free.backendID, .make("old")]
                let visible = { () async throws -> Int in
                    let text = try await cluster.stream().map { String(decoding: $0.payload, as: UTF8.self) }
                    return tokens.filter { token in text.contains { $0.contains(token) } }.count
                }
                #expect(try await visible() == 3)
                try await cluster.waitForState("all three") { fleet in ids.allSatisfy { id in fleet.ask { $0.backend(id, in: TestCluster.name) != nil } } }

                try await StreamMaintainer(jetStream: cluster.bus.connection.jetStream, configuration: Self.hardened, logger: TestCluster.silent).ensure()
                let retention = Retention(
                    jetStream: cluster.bus.connection.jetStream, fleet: cluster.fleet, configuration: Self.hardened, logger: TestCluster.silent)
                var scan = RetentionScan()
                for _ in 0..<6 { await retention.advance(&scan, now: .now()) }
                #expect(try await visible() == 0)
                let tokenStore = BearerTokenStore(jetStream: cluster.bus.connection.jetStream, configuration: Self.hardened)
                for (id, token) in zip(ids, tokens) {
                    #expect(try await tokenStore.token(of: id, in: TestCluster.name)?.exposed == token)
                }
                try await cluster.waitForState("all hidden") { fleet in
                    ids.allSatisfy { id in fleet.ask { $0.backend(id, in: TestCluster.name)?.hasHiddenToken == true } }
                }
                #expect(try await cluster.spawned(.make(lock: .make())).bearerToken == locked.bearerToken)
            }
        }
    }

    @Test("a scheduler that was killed between writing a token away and taking it out of the state leaves that to the next one")
    func halfMovedToken() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster) { _ in
                let backend = try await cluster.spawned(.make(token: true))
                let token = try #require(backend.bearerToken)
                let jetStream = cluster.bus.connection.jetStream
                try await StreamMaintainer(jetStream: jetStream, configuration: Self.hardened, logger: TestCluster.silent).ensure()
                // What the one that was killed had done.
                _ = try await jetStream.publish(
                    Array(token.exposed.utf8), to: "secret.cluster.plane_test.backend.\(backend.backendID)")
                try await cluster.waitForState("the backend") { fleet in
                    fleet.ask { $0.backend(backend.backendID, in: TestCluster.name) != nil }
                }
                let retention = Retention(jetStream: jetStream, fleet: cluster.fleet, configuration: Self.hardened, logger: TestCluster.silent)
                var scan = RetentionScan()
                for _ in 0..<6 { await retention.advance(&scan, now: .now()) }
                #expect(try await !cluster.stream().contains { String(decoding: $0.payload, as: UTF8.self).contains(token.exposed) })
                let tokenStore = BearerTokenStore(jetStream: jetStream, configuration: Self.hardened)
                #expect(try await tokenStore.token(of: backend.backendID, in: TestCluster.name)?.exposed == token.exposed)
            }
        }
    }

    @Test("tokens stand where readers of 0.3.24 look for them as long as those are accepted")
    func legacyTokens() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster) { _ in
                let backend = try await cluster.spawned(.make(token: true))
                let token = try #require(backend.bearerToken)
                let assignments = try await cluster.stream(filter: "state.cluster.plane_test.backend.*.assignment")
                #expect(assignments.contains { String(decoding: $0.payload, as: UTF8.self).contains(token.exposed) })
            }
        }
    }

    // MARK: What is made up

    @Test("of a drone that has not registered, and does not say what it runs, nothing is written where 0.3.24 is not accepted")
    func madeUpDrones() async throws {
        try await TestCluster.run(configuration: Self.hardened) { cluster in
            for number in 0..<20 {
                try cluster.bus.publish(
                    DroneStatusMessage(
                        droneID: .make("made-up-\(number)"), cluster: TestCluster.name, droneVersion: "1", state: .ready, runningBackends: 0))
            }
            try await FakeDrone.run(in: cluster, registers: .own) { drone in
                #expect(try await cluster.spawned().drone == drone.id)
                let subjects = try await cluster.stream().map(\.subject)
                #expect(!subjects.contains { $0.contains("made-up") })
            }
        }
    }

    @Test("a lock of a cluster that has no drones is not even announced, so that nobody fills the state with names")
    func madeUpClusters() async throws {
        try await TestCluster.run { cluster in
            let nowhere = try #require(ClusterName(rawValue: "nowhere.test"))
            for number in 0..<10 {
                #expect(try await cluster.schedule(.make(cluster: nowhere, lock: .make("l-\(number)"))) == .noDroneAvailable)
            }
            #expect(try await cluster.stream(filter: "state.cluster.nowhere_test.>").isEmpty)
            #expect(cluster.fleet.ask { $0.clusterNames }.contains(nowhere) == false)
        }
    }

    @Test("a drone that names backends without end is asked no further, and nothing of it is believed")
    func endlessInventory() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster) { drone in
                let parts = Mutex(0)
                let calls = try cluster.bus.subscribe(
                    to: RollCallRequest.self, on: RollCallRequest.subject(cluster: TestCluster.name, drone: drone.id))
                try await cluster.bus.connection.flush()
                let answering = Task {
                    await calls.serve(maxConcurrent: 1) { _ in
                        let part = parts.withLock { parts in
                            parts += 1
                            return parts
                        }
                        let entries = (0..<5000).map { RollCall.Entry(backend: .make("b-\(part)-\($0)"), state: .ready) }
                        return .success(RollCall(metadata: DroneMetadata(ip: .v4(1), version: "test"), backends: entries, isComplete: false))
                    }
                }
                guard case .failed = await Self.caller(cluster).call(drone.id, in: TestCluster.name) else {
                    Issue.record("it was believed")
                    return
                }
                #expect(parts.withLock { $0 } == InventoryCollector.mostBackends / 5000 + 1)
                #expect(cluster.fleet.ask { $0.backendCount(in: TestCluster.name) } == 0)
                answering.cancel()
            }
        }
    }
}
