import Logging
import NATS
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneState
import PlaneTestSupport
import Synchronization
import Testing

@testable import SchedulerCore

/// Keys, pools, and what a schedule request is told, on a real nats-server with drones that are subscriptions.
@Suite("Scheduler, keys and pools", .timeLimit(.minutes(10))) struct SchedulerKeyTests {
    private static let able = DroneAbilities(pool: .unnamed)

    private func key(tag: String = "v1") throws -> BackendKey { try #require(BackendKey(namespace: "games", name: "room-7", tag: tag)) }
    private func pool(_ name: String) throws -> PoolName { try #require(PoolName(rawValue: name)) }

    private func request(_ key: BackendKey?, pool: PoolName = .unnamed) -> ScheduleRequest {
        var request = ScheduleRequest.make(lock: key?.lock)
        request.key = key
        request.pool = pool
        return request
    }

    private func fetch(_ key: BackendKey, _ cluster: TestCluster) async throws -> FetchReply {
        try await cluster.bus.request(FetchBackendForLock(cluster: TestCluster.name, lock: key.lock))
    }

    @Test("whoever asks for a held key is told the holder's tag, whatever tag it has itself; the drone is told key and fencing token")
    func tags() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster, abilities: Self.able) { drone in
                let before = StateTime.now().rawValue
                let first = try await cluster.spawned(self.request(try self.key()))
                #expect(first.spawned && first.tag == "v1")
                let spawn = try #require(drone.spawned.first)
                #expect(spawn.key == (try self.key()))
                #expect(try #require(spawn.fencingToken) >= before)
                let second = try await cluster.spawned(self.request(try self.key(tag: "v2")))
                #expect(!second.spawned && second.tag == "v1" && second.backendID == first.backendID)
                guard case .scheduled(let fetched) = try await self.fetch(try self.key(tag: "v3"), cluster) else {
                    Issue.record("the key has a holder")
                    return
                }
                #expect(fetched.tag == "v1" && fetched.url == first.url)
                // A holder without a key has no tag.
                let plain = try await cluster.spawned(.make(lock: .make()))
                #expect(plain.tag == nil)
                #expect(drone.spawned.last?.fencingToken == nil)
                let assignments = try await cluster.stream(filter: "state.cluster.*.backend.\(first.backendID).assignment.>")
                let text = assignments.map { String(decoding: $0.payload, as: UTF8.self) }
                #expect(text.allSatisfy { $0.contains(#""key":{"namespace":"games","name":"room-7","tag":"v1"},"fencing_token":"#) })
            }
        }
    }

    @Test("each holder of a key has a higher fencing token than the one before, with schedulers whose clocks differ, and over a refusal")
    func fencing() async throws {
        try await TestCluster.run(schedulers: 2) { cluster in
            try await FakeDrone.run(in: cluster, abilities: Self.able) { drone in
                // A holder that a scheduler of the future has placed.
                let future = StateTime.now().rawValue + 3_600_000
                let key = try self.key()
                let assignment = BackendAssignment(
                    drone: drone.id, lockAssignment: LockAssignment(lock: key.lock, uid: LockUID(rawValue: 3)), key: key, fencingToken: future)
                let writer = StateWriter(jetStream: cluster.bus.connection.jetStream)
                try await writer.write(.cluster(TestCluster.name, .backend(BackendMessage(backend: .make("old"), change: .assignment(assignment)))))
                try await cluster.report(.terminated, .make("old"))
                try await cluster.waitForState("the key is free") { $0.ask { $0.lock(key.lock, in: TestCluster.name) == .free } }
                for _ in 0..<4 {
                    let backend = try await cluster.spawned(self.request(key))
                    #expect(backend.spawned)
                    try await cluster.report(.terminated, backend.backendID)
                    try await cluster.waitForState("the key is free") { $0.ask { $0.lock(key.lock, in: TestCluster.name) == .free } }
                }
                let tokens = drone.spawned.compactMap(\.fencingToken)
                #expect(tokens.count == 4)
                #expect(zip([future] + tokens, tokens).allSatisfy { $0 < $1 }, "\(tokens)")
            }
        }
    }

    @Test("of many requests at once for one key one starts a backend, and all are told its tag")
    func atOnce() async throws {
        try await TestCluster.run(schedulers: 3) { cluster in
            try await FakeDrone.run(in: cluster, abilities: Self.able) { drone in
                let backends = try await withThrowingTaskGroup(of: ScheduledBackend.self) { group in
                    for index in 0..<30 {
                        let key = try self.key(tag: "v\(index % 3)")
                        group.addTask { try await cluster.spawnedInTheEnd(self.request(key)) }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(backends.filter(\.spawned).count == 1)
                #expect(Set(backends.map(\.tag)).count == 1)
                #expect(drone.spawned.count == 1)
            }
        }
    }

    @Test("a key whose holder is being ended has no second one before the end, and the next has a higher fencing token")
    func ending() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster, abilities: Self.able) { drone in
                let first = try await cluster.spawned(self.request(try self.key()))
                try await cluster.report(.ready, first.backendID)
                for kind in [BackendEnding.Kind.soft, .hard] {
                    try await cluster.report(
                        .ready, first.backendID, detail: BackendStatusDetail(ending: BackendEnding(kind, .external, at: .now())))
                }
                try await cluster.waitForState("its end has begun") { fleet in
                    fleet.ask { $0.backend(first.backendID, in: TestCluster.name)?.isEnding == true }
                }
                let told = try await cluster.spawned(self.request(try self.key()))
                #expect(told.isEnding && told.tag == "v1" && drone.spawned.count == 1)
                // The public feed tells both, the soft end and that it has become hard.
                let feed = try await cluster.stream("backend_status").map { try WireCodec.decode(BackendStateMessage.self, from: $0.payload) }
                #expect(feed.compactMap { $0.detail?.ending?.kind } == [.soft, .hard])
                async let next = cluster.spawned(self.request(try self.key(tag: "v2")))
                try await cluster.report(.terminated, first.backendID)
                #expect(try await next.spawned)
                #expect(try await next.tag == "v2")
                let tokens = drone.spawned.compactMap(\.fencingToken)
                #expect(tokens.count == 2 && tokens[0] < tokens[1])
            }
        }
    }

    @Test("a lost stream is rebuilt with keys, tags, fencing tokens and ends that have begun")
    func rebuilt() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster, abilities: Self.able) { drone in
                try await drone.answeringRollCalls {
                    let key = try self.key()
                    var entry = RollCall.Entry(
                        backend: .make("a"), state: .ready, lockAssignment: LockAssignment(lock: key.lock, uid: LockUID(rawValue: 7)), key: key,
                        fencingToken: 1_710_148_530_123)
                    entry.ending = BackendEnding(.soft, .swept, at: .now())
                    // A key counts only with its own lock, and a number from the far future not at all.
                    let liar = try #require(BackendKey(name: "other", tag: "x"))
                    let forged = RollCall.Entry(
                        backend: .make("b"), state: .ready, lockAssignment: LockAssignment(lock: .make("doc-1"), uid: LockUID(rawValue: 7)), key: liar)
                    let ahead = RollCall.Entry(
                        backend: .make("c"), state: .ready, lockAssignment: LockAssignment(lock: liar.lock, uid: LockUID(rawValue: 7)), key: liar,
                        fencingToken: 1 << 52)
                    drone.running.withLock { $0 = [entry, forged, ahead] }
                    _ = try await cluster.bus.connection.request([], to: "$JS.API.STREAM.PURGE.plane_state", timeout: .seconds(60))
                    try await eventually("the scheduler knows the backends") {
                        try? drone.beat()
                        return cluster.fleet.ask { fleet in
                            ["a", "b", "c"].allSatisfy { fleet.backend(.make($0), in: TestCluster.name)?.state == .ready }
                                && fleet.backend(.make("a"), in: TestCluster.name)?.isEnding == true
                        }
                    }
                    let views = cluster.fleet.ask { fleet in ["a", "b", "c"].map { fleet.backend(.make($0), in: TestCluster.name) } }
                    #expect(views.map { $0?.tag } == ["v1", nil, "x"])
                    #expect(views.map { $0?.fencingToken } == [1_710_148_530_123, nil, nil])
                    let told = try await cluster.spawned(self.request(try self.key(tag: "v2")))
                    #expect(told.backendID == .make("a") && told.tag == "v1" && told.isEnding)
                }
            }
        }
    }

    // MARK: Pools and refusals

    private func reason(_ request: ScheduleRequest, _ cluster: TestCluster) async throws -> ErrorReply? {
        let (reply, reason) = try await cluster.bus.requestWithReason(request)
        #expect(reply == .noDroneAvailable)
        return reason
    }

    @Test("a request goes to a drone of its pool, and what needs a newer agent goes to none that is older")
    func pools() async throws {
        let gpu = try self.pool("gpu")
        try await TestCluster.run { cluster in
            try await FakeDrone.run("old", in: cluster) { old in
                #expect(try await self.reason(self.request(try self.key()), cluster)?.message.contains("newer agent") == true)
                #expect(try await cluster.spawned(self.request(nil)).drone == old.id)
                try await FakeDrone.run("gpu-1", in: cluster, abilities: DroneAbilities(pool: gpu)) { drone in
                    #expect(try await cluster.spawned(self.request(try self.key(), pool: gpu)).drone == drone.id)
                    #expect(try await cluster.spawned(self.request(nil)).drone == old.id)
                    let other = try await self.reason(self.request(nil, pool: try self.pool("tpu")), cluster)
                    #expect(other?.message == "no drone of plane.test is in the pool tpu; there are drones in gpu")
                    #expect(old.spawned.count == 2 && drone.spawned.count == 1)
                }
            }
        }
    }

    @Test("a refusal says what it means: no such cluster, drones that are full, drained or silent")
    func refusals() async throws {
        try await TestCluster.run { cluster in
            let elsewhere = ScheduleRequest.make(cluster: try #require(ClusterName(rawValue: "plane.nope")))
            #expect(
                try await self.reason(elsewhere, cluster)?.message
                    == "there is no cluster plane.nope with drones; no drone of any cluster has registered yet")
            try await FakeDrone.run(in: cluster, state: .draining) { _ in
                #expect(try await self.reason(elsewhere, cluster)?.message == "there is no cluster plane.nope with drones; there is plane.test")
                let draining = try await self.reason(.make(), cluster)
                #expect(draining?.code == .draining)
                #expect(draining?.message == "the one drone of plane.test is being drained")
                try await FakeDrone.run("drone-b", in: cluster, maxBackends: 0) { _ in
                    let both = try await self.reason(.make(), cluster)
                    #expect(both?.message == "of 2 drones of plane.test, 1 is full, 1 is being drained")
                    try await FakeDrone.run("drone-c", in: cluster, state: .starting) { _ in
                        let three = try await self.reason(.make(), cluster)
                        #expect(three?.message == "of 3 drones of plane.test, 1 is full, 1 is being drained, 1 is not ready, or not heard of for 30 s")
                    }
                }
            }
        }
    }

    // MARK: The answer

    @Test("the answer has the address, and names keys of the request that mean nothing; they are logged once for each application")
    func answer() async throws {
        let log = LogRecorder()
        try await TestCluster.run(logger: log.logger) { cluster in
            try await FakeDrone.run(in: cluster) { _ in
                func ask(_ more: String, _ requester: String) async throws -> ScheduleReply {
                    let text = """
                        {"cluster":"plane.test","max_idle_secs":30,"metadata":{"requested_by":"\(requester)"},
                         "executable":{"image":"app","env":{}}\(more)}
                        """
                    let answer = try await cluster.bus.connection.request(Array(text.utf8), to: "cluster.plane_test.schedule", timeout: .seconds(5))
                    return try WireCodec.decode(ScheduleReply.self, from: answer.payload)
                }
                for requester in ["shop", "shop", "games"] {
                    guard case .scheduled(let backend) = try await ask(#","lok":"a""#, requester) else {
                        Issue.record("no backend")
                        return
                    }
                    #expect(backend.ignoredKeys == ["lok"])
                    #expect(backend.url == "https://\(backend.backendID).plane.test/")
                }
                guard case .scheduled(let plain) = try await ask("", "shop") else {
                    Issue.record("no backend")
                    return
                }
                #expect(plain.ignoredKeys.isEmpty)
                guard case .error(let error) = try await ask(#","lock":"""#, "shop") else {
                    Issue.record("an empty lock was taken")
                    return
                }
                #expect(error.code == .badRequest && error.message.hasPrefix("lock: "))
                let lines = log.entries.filter { $0.message.contains("mean nothing here") }
                #expect(lines.count == 2)
            }
        }
    }
}
