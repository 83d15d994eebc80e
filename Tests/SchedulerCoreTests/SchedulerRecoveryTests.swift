import NATS
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneState
import PlaneTestSupport
import SchedulerCoreConfiguration
import Synchronization
import Testing

@testable import SchedulerCore

/// What schedulers do about drones and streams that are gone, or back.
@Suite("Scheduler and lost memory") struct SchedulerRecoveryTests {
    static func entry(_ id: String, lock: String? = nil) -> RollCall.Entry {
        RollCall.Entry(
            backend: .make(id), state: .ready, bearerToken: Secret("token-\(id)"),
            lockAssignment: lock.map { LockAssignment(lock: .make($0), uid: LockUID(rawValue: 7)) })
    }

    static func writer(_ cluster: TestCluster) -> StateWriter { StateWriter(jetStream: cluster.bus.connection.jetStream) }

    static func markLost(_ drone: FakeDrone, _ backends: Set<BackendID>) async {
        let marker = LostMarker(bus: drone.cluster.bus, writer: self.writer(drone.cluster), logger: TestCluster.silent)
        _ = await marker.drone(drone.id, in: TestCluster.name)
        await marker.backends(backends, of: drone.id, in: TestCluster.name)
    }

    @Test("the stream deleted by hand is made again, and filled with what the drones run: locks, tokens, states")
    func deletedStream() async throws {
        try await TestCluster.run(schedulers: 2) { cluster in
            try await FakeDrone.run(in: cluster) { drone in
                try await drone.answeringRollCalls {
                    let backend = try await cluster.spawned(.make(lock: .make(), token: true))
                    let request = try #require(drone.spawned.first)
                    #expect(request.lockAssignment?.lock == .make())
                    drone.running.withLock {
                        $0 = [
                            RollCall.Entry(
                                backend: backend.backendID, state: .ready, bearerToken: request.bearerToken,
                                lockAssignment: request.lockAssignment),
                            Self.entry("zz-other"),
                        ]
                    }
                    _ = try await cluster.bus.connection.request([], to: "$JS.API.STREAM.DELETE.plane_state", timeout: .seconds(60))
                    try await eventually("every scheduler knows the backends again") {
                        try? drone.beat()
                        return cluster.fleets.allSatisfy { fleet in
                            fleet.incarnation == 1
                                && fleet.ask { fleet in
                                    fleet.backend(backend.backendID, in: TestCluster.name)?.state == .ready
                                        && fleet.backend(.make("zz-other"), in: TestCluster.name)?.bearerToken == Secret("token-zz-other")
                                        && fleet.drone(drone.id, in: TestCluster.name)?.state == .ready
                                }
                        }
                    }
                    let again = try await cluster.spawned(.make(lock: .make()))
                    #expect(
                        again
                            == ScheduledBackend(
                                drone: drone.id, backendID: backend.backendID, bearerToken: backend.bearerToken, spawned: false, url: backend.url))
                    #expect(drone.spawned.count == 1)
                    #expect(drone.terminated.isEmpty)
                }
            }
        }
    }

    @Test("W13: the stream purged by hand is filled again")
    func purgedStream() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster) { drone in
                try await drone.answeringRollCalls {
                    drone.running.withLock { $0 = [Self.entry("a", lock: "doc-1"), Self.entry("b")] }
                    _ = try await cluster.bus.connection.request([], to: "$JS.API.STREAM.PURGE.plane_state", timeout: .seconds(60))
                    try await eventually("the scheduler knows the backends") {
                        try? drone.beat()
                        guard case .held(let holder) = cluster.fleet.lockView(of: .make("doc-1"), in: TestCluster.name) else { return false }
                        return holder.backend == .make("a")
                    }
                }
            }
        }
    }

    @Test("while the fleet is rebuilt, a request for a lock waits or is refused, never guessed at; one without a lock is served")
    func rebuilding() async throws {
        try await withNATSServer { server in
            let fleet = StateStore(rebuildTime: .seconds(3600))
            let bus = try await TestCluster.bus(server)
            var limits = TestCluster.limits()
            limits.lockWait = .milliseconds(50)
            let scheduler = Scheduler(
                bus: try await TestCluster.bus(server), fleet: fleet, limits: limits, logger: TestCluster.silent)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await scheduler.run() }
                await fleet.waitUntilCaughtUp()
                try await eventually("it serves") { (try? await bus.request(ScheduleRequest.make())) == .noDroneAvailable }
                guard case .error(let error) = try await bus.request(ScheduleRequest.make(lock: .make())) else {
                    Issue.record("a lock was given while nobody knew who has it")
                    return
                }
                #expect(error.code == .unavailable && error.message.contains("which locks are held"))
                guard case .error(.isRebuilding) = try await bus.request(FetchBackendForLock(cluster: TestCluster.name, lock: .make())) else {
                    Issue.record("nobody knows who has the lock")
                    return
                }
                group.cancelAll()
            }
        }
    }

    @Test("S9: a drone that is written off takes its backends with it and frees their locks; back again it stops them, and is ready")
    func lostAndBack() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster) { drone in
                try await drone.answeringRollCalls {
                    let backend = try await cluster.spawned(.make(lock: .make()))
                    let backends = cluster.fleet.ask { $0.liveBackends(of: drone.id, in: TestCluster.name) }
                    #expect(backends == [backend.backendID])
                    await Self.markLost(drone, backends)
                    try await cluster.waitForState("drone and backend are lost, the lock is free") { fleet in
                        fleet.ask {
                            $0.drone(drone.id, in: TestCluster.name)?.state == .lost
                                && $0.backend(backend.backendID, in: TestCluster.name)?.state == .lost
                                && $0.lock(.make(), in: TestCluster.name) == .free
                        }
                    }
                    #expect(try await cluster.stream(SchedulerStreams.backendStatus).contains { $0.subject == "backend.\(backend.backendID).status" })
                    #expect(try await cluster.schedule() == .noDroneAvailable)

                    drone.running.withLock { $0 = [RollCall.Entry(backend: backend.backendID, state: .ready)] }
                    try await drone.say(.ready)
                    #expect(drone.terminated == [backend.backendID])
                    _ = try await cluster.spawned()
                }
            }
        }
    }

    @Test("S9: an older agent, which tells nothing, is told to stop what was written off")
    func oldAgentBack() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster) { drone in
                let backend = try await cluster.spawned()
                try await cluster.waitForState("assigned") { fleet in
                    fleet.ask { $0.drone(of: backend.backendID, in: TestCluster.name) != nil }
                }
                await Self.markLost(drone, [backend.backendID])
                try await cluster.waitForState("lost") { $0.ask { $0.drone(drone.id, in: TestCluster.name)?.state == .lost } }
                try await drone.say(.ready)
                #expect(drone.terminated == [backend.backendID])
            }
        }
    }

    @Test("a backend whose lock meanwhile belongs to another must stop; one that is assigned to another drone may have moved")
    func findings() {
        var fleet = FleetState()
        func apply(_ sequence: UInt64, _ id: String, _ drone: String, lock: String?) {
            let assignment = BackendAssignment(
                drone: .make(drone), lockAssignment: lock.map { LockAssignment(lock: .make($0), uid: LockUID(rawValue: 1)) })
            fleet.apply(
                .cluster(TestCluster.name, .backend(BackendMessage(backend: .make(id), change: .assignment(assignment)))),
                sequence: sequence, published: WireTime(seconds: 1))
        }
        apply(1, "holder", "drone-a", lock: "doc-1")
        func finding(_ entry: RollCall.Entry, of drone: String) -> InventoryFinding {
            InventoryFinding(entry, of: .make(drone), in: TestCluster.name, fleet: fleet)
        }
        #expect(finding(Self.entry("late", lock: "doc-1"), of: "drone-b") == .mustStop(.make("late")))
        #expect(finding(Self.entry("late", lock: "doc-2"), of: "drone-b") == .unknown(Self.entry("late", lock: "doc-2")))
        #expect(finding(Self.entry("holder", lock: "doc-1"), of: "drone-a") == .agrees)
        // Token and lock are the fleet's, whatever the drone says.
        var moved = Self.entry("holder")
        moved.bearerToken = nil
        moved.lockAssignment = LockAssignment(lock: .make("doc-1"), uid: LockUID(rawValue: 0))
        #expect(finding(Self.entry("holder", lock: "doc-2"), of: "drone-b") == .isAssigned(moved, to: .make("drone-a")))
    }

    @Test("W12, W13: what ended long ago leaves the stream and every scheduler's memory; what lives, and its lock, stays")
    func retention() async throws {
        try await TestCluster.run(schedulers: 2) { cluster in
            try await FakeDrone.run(in: cluster) { _ in
                // A server looks through the whole stream for each.
                let purges = Recorder<String>()
                let calls = try cluster.bus.connection.subscribe("$JS.API.STREAM.PURGE.>")
                let listening = Task { for await call in calls { purges.record(call.subject) } }
                // Its announcement is revoked, because a drone does not want it.
                let unwanted = LockMessage(lock: .make("unwanted"), uid: LockUID(rawValue: 1), kind: .announce)
                let revoked = LockMessage(lock: .make("unwanted"), uid: LockUID(rawValue: 1), kind: .revoke)
                for message in [unwanted, revoked] { try await Self.writer(cluster).write(.cluster(TestCluster.name, .lock(message))) }
                let old = try await cluster.spawned(.make(lock: .make("old")))
                let live = try await cluster.spawned(.make(lock: .make("live")))
                try await cluster.report(.swept, old.backendID)
                try await cluster.waitForState("ended") { $0.ask { $0.backend(old.backendID, in: TestCluster.name)?.state == .swept } }

                let retention = Retention(
                    jetStream: cluster.bus.connection.jetStream, fleet: cluster.fleet, configuration: .init(), logger: TestCluster.silent)
                var scan = RetentionScan()
                for _ in 0..<6 { await retention.advance(&scan, now: .now().adding(.seconds(23 * 3600))) }
                #expect(cluster.fleet.ask { $0.backend(old.backendID, in: TestCluster.name) } != nil, "not yet")
                for _ in 0..<6 { await retention.advance(&scan, now: .now().adding(.seconds(25 * 3600))) }
                #expect(try await cluster.stream(filter: "state.cluster.*.backend.\(old.backendID).>").isEmpty)
                // For name servers that start now.
                var late = FleetState()
                for message in try await cluster.stream() {
                    late.apply(try WireCodec.decode(from: message.payload), sequence: message.sequence, published: WireTime(message.published))
                }
                #expect(late.namesChanged(in: TestCluster.name) == cluster.fleet.ask { $0.namesChanged(in: TestCluster.name) })
                try await cluster.waitForState("forgotten by all") { $0.ask { $0.backend(old.backendID, in: TestCluster.name) == nil } }
                #expect(try await !cluster.stream(filter: "state.cluster.*.backend.\(live.backendID).>").isEmpty)
                for lock in ["old", "unwanted"] {
                    #expect(try await cluster.stream(filter: "state.cluster.*.lock.\(LockName.make(lock).subjectHash).*").isEmpty)
                }
                #expect(purges.all.isEmpty)
                listening.cancel()
                #expect(try await cluster.spawned(.make(lock: .make("live"))).backendID == live.backendID)
            }
        }
    }

    @Test("where NATS's permissions do not allow to delete messages by their places, they are purged, and the log says so once")
    func retentionWithoutPermission() async throws {
        let users = """
            authorization { users: [
                { user: all, password: x },
                { user: some, password: x, permissions { publish { deny: ["$JS.API.STREAM.MSG.DELETE.>"] } } }
            ] }
            """
        let log = LogRecorder()
        try await withNATSServer(configuration: users) { server in
            let bus = try await TestCluster.bus([server.url.replacing("//", with: "//some:x@")])
            let jetStream = bus.connection.jetStream
            try await StreamMaintainer(jetStream: jetStream, configuration: .init(), logger: TestCluster.silent).ensure()
            let subject = "state.cluster.plane_test.backend.b.state.Swept"
            let deleter = MessageDeleter(SchedulerStreams.planeState, jetStream: jetStream, logger: log.logger)
            for _ in 0..<2 {
                let sequence = try await jetStream.publish([1], to: subject).sequence
                try await deleter.erase([sequence], subjects: [subject])
                #expect(try await jetStream.lastMessage(stream: SchedulerStreams.planeState, subject: subject) == nil)
            }
            #expect(log.entries.count == 1)
            #expect(log.text.contains("$JS.API.STREAM.MSG.DELETE.plane_state"))
            await bus.connection.drain()
        }
    }

    @Test("W12: who still expects an announcement that was purged finds out, and takes the lock")
    func purgedAnnouncement() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster) { _ in
                let first = try await cluster.spawned(.make(lock: .make()))
                try await cluster.report(.swept, first.backendID)
                try await cluster.waitForState("the lock is free") { $0.ask { $0.lock(.make(), in: TestCluster.name) == .free } }
                let purged = try await cluster.bus.connection.jetStream.purge(
                    stream: SchedulerStreams.planeState, subject: "state.cluster.plane_test.lock.\(LockName.make().subjectHash).announce")
                #expect(purged == 1)
                let second = try await cluster.spawned(.make(lock: .make()))
                #expect(second.spawned && second.backendID != first.backendID)
            }
        }
    }

    @Test("one scheduler at a time has the lease, and gives it to the next when it ends")
    func lease() async throws {
        try await withNATSServer { server in
            let jetStream = try await TestCluster.bus(server).connection.jetStream
            try await StreamMaintainer(jetStream: jetStream, configuration: .init(), logger: TestCluster.silent).ensure()
            var (first, second) = (HousekeepingLease("test", jetStream: jetStream), HousekeepingLease("test", jetStream: jetStream))
            #expect(await first.keep())
            #expect(await !second.keep())
            #expect(await first.keep())
            await first.release()
            var third = HousekeepingLease("test", jetStream: jetStream)
            #expect(await third.keep())
        }
    }
}
