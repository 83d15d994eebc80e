import NATS
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneState
import PlaneTestSupport
import Testing

@testable import SchedulerCore

/// On a real nats-server, with drones that are subscriptions.
@Suite("Scheduler") struct SchedulerTests {
    @Test("without a drone the answer is \"NoDroneAvailable\", at once")
    func noDroneAvailable() async throws {
        try await TestCluster.run { cluster in
            // Again and again, until no other program was in the way.
            try await eventually("the answer comes within a second") {
                let began = ContinuousClock.now
                let reply = try await cluster.schedule()
                #expect(reply == .noDroneAvailable)
                return ContinuousClock.now - began < .seconds(1)
            }
        }
    }

    @Test("a backend goes to the one drone that is ready, and the fleet knows where it is")
    func oneDroneAvailable() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster) { drone in
                let backend = try await cluster.spawned()
                #expect(backend.drone == drone.id)
                #expect(backend.spawned)
                #expect(backend.bearerToken == nil)
                #expect(drone.spawned.map(\.backendID) == [backend.backendID])
                #expect(drone.spawned.first?.executable.image == "registry.example/app:1.4")
                try await cluster.waitForState("the assignment") { fleet in
                    fleet.ask { $0.backend(backend.backendID, in: TestCluster.name)?.drone == drone.id }
                }
            }
        }
    }

    @Test("the answer says when the drone expects the backend to be ready, where the drone has said it", arguments: [("231", 231), ("soon", nil), (nil, nil)])
    func estimate(header: String?, expected: UInt32?) async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster, listens: false) { drone in
                let spawns = try cluster.bus.subscribe(to: SpawnRequest.self, on: SpawnRequest.subject(cluster: TestCluster.name, drone: drone.id))
                try await cluster.bus.connection.flush()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        await spawns.serveWithHeaders(maxConcurrent: 1) { _ in (true, header.map { [SpawnRequest.readyInHeader: $0] } ?? .empty) }
                    }
                    let backend = try await cluster.spawned()
                    #expect(backend.readyInMilliseconds == expected)
                    group.cancelAll()
                }
            }
        }
    }

    @Test("a backend goes to the drone that has its image, where drones say which they have")
    func image() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run("with-image", in: cluster) { holder in
                try await FakeDrone.run("without", in: cluster) { other in
                    let images = [DroneStarts.Image(name: "registry.example/app:1.4", readyMilliseconds: 200)]
                    try other.beat(running: 7, starts: DroneStarts(processors: 2))
                    try holder.beat(running: 8, starts: DroneStarts(images: images, processors: 2))
                    try await eventually("the scheduler has heard both") {
                        cluster.fleet.drones { [7, 8].contains($0.reportedBackends) }.count == 2
                    }
                    for _ in 0..<5 { #expect(try await cluster.spawned().drone == holder.id) }
                    #expect(other.spawned.isEmpty)
                }
            }
        }
    }

    @Test("a request that fits a message, but not with the backend's id and lock in it, is refused as what it is, and its lock is free")
    func largeRequest() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster) { drone in
                var request = ScheduleRequest.make(lock: .make(), token: true)
                // One variable has at most 128 KiB.
                for number in 0..<10 { request.executable.env["LONG_\(number)"] = Secret(String(repeating: "x", count: 100_000)) }
                request.executable.env["REST"] = ""
                let room = (1 << 20) - WireCodec.encode(request).count
                request.executable.env["REST"] = Secret(String(repeating: "x", count: room))
                guard case .error(let error) = try await cluster.bus.request(request) else {
                    Issue.record("it was not refused")
                    return
                }
                #expect(error.code == .badRequest && error.message.contains("large"))
                #expect(drone.spawned.isEmpty)
                #expect(try await cluster.spawned(.make(lock: .make())).spawned)
            }
        }
    }

    @Test("a drone that has only ever said Draining is not used")
    func droneNotReady() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster, state: .draining) { _ in
                let reply = try await cluster.schedule()
                #expect(reply == .noDroneAvailable)
            }
        }
    }

    @Test("W8: a drone that drains is not used, and is used again when it is ready again")
    func droneBecomesNotReady() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster) { drone in
                try await drone.say(.draining)
                #expect(try await cluster.schedule() == .noDroneAvailable)
                try await drone.say(.ready)
                #expect(try await cluster.spawned().drone == drone.id)
                // A reader that comes later, and takes the newest time as older software does, sees the same.
                let states = try await cluster.stream(filter: "state.cluster.plane_test.drone.drone-a.status.*")
                #expect(states.last?.subject == "state.cluster.plane_test.drone.drone-a.status.Ready")
            }
        }
    }

    @Test("a token has 30 characters, and drone, reply and fleet have the same one")
    func bearerToken() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster) { drone in
                let backend = try await cluster.spawned(.make(token: true))
                let token = try #require(backend.bearerToken)
                #expect(token.exposed.count == 30)
                #expect(drone.spawned.first?.bearerToken == token)
                try await cluster.waitForState("the token") { fleet in
                    fleet.ask { $0.backend(backend.backendID, in: TestCluster.name)?.bearerToken == token }
                }
            }
        }
    }

    @Test("the id a client chooses is used")
    func chosenID() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster) { _ in
                let backend = try await cluster.spawned(.make(id: .make("mine")))
                #expect(backend.backendID == .make("mine"))
            }
        }
    }

    @Test("W9: an id that was used before is refused, and so is the loser of two requests for one id")
    func usedID() async throws {
        try await TestCluster.run(schedulers: 2) { cluster in
            try await FakeDrone.run(in: cluster) { drone in
                let replies = try await withThrowingTaskGroup(of: ScheduleReply.self) { group in
                    for _ in 0..<10 { group.addTask { try await cluster.schedule(.make(id: .make("mine"))) } }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                let scheduled = replies.filter { if case .scheduled = $0 { true } else { false } }
                let refused = replies.filter { if case .error(let error) = $0 { error.code == .backendExists } else { false } }
                #expect(scheduled.count == 1)
                #expect(refused.count == 9)
                #expect(drone.spawned.count == 1)
                #expect(drone.terminated.isEmpty)
            }
        }
    }

    @Test("S1: of several schedulers exactly one answers, and the backend is started once")
    func severalSchedulers() async throws {
        try await TestCluster.run(schedulers: 3) { cluster in
            try await FakeDrone.run(in: cluster) { drone in
                for _ in 0..<20 { _ = try await cluster.spawned() }
                #expect(drone.spawned.count == 20)
            }
        }
    }

    @Test("S2: a request that cannot be read is answered with what is wrong with it")
    func unreadable() async throws {
        try await TestCluster.run { cluster in
            let answer = try await cluster.bus.connection.request(
                Array(#"{"cluster":"plane.test","max_idle_secs":"soon","metadata":{},"executable":{"image":"a","env":{}}}"#.utf8),
                to: "cluster.plane_test.schedule")
            #expect(
                String(decoding: answer.payload, as: UTF8.self)
                    == #"{"Error":{"code":"BadRequest","message":"max_idle_secs: expected an integer, found a string"}}"#)
        }
    }

    @Test("S4: a drone that refuses, or is gone, is passed over for the next one", arguments: [FakeDrone.Answer.refuse, nil])
    func nextDrone(answer: FakeDrone.Answer?) async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run("drone-a", in: cluster, answers: [answer ?? .accept], listens: answer != nil) { unwilling in
                try await FakeDrone.run("drone-b", in: cluster) { willing in
                    for _ in 0..<8 {
                        let backend = try await cluster.spawned()
                        #expect(backend.drone == willing.id)
                    }
                    #expect(willing.spawned.count == 8)
                }
            }
        }
    }

    @Test("S5: a backend that no drone took is written off, so that nobody takes it for alive")
    func writtenOff() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster, answers: [.refuse]) { drone in
                #expect(try await cluster.schedule() == .noDroneAvailable)
                let id = try #require(drone.spawned.first?.backendID)
                try await cluster.waitForState("the end") { fleet in
                    fleet.ask { $0.backend(id, in: TestCluster.name)?.state == .terminated }
                }
                #expect(drone.terminated.isEmpty)
            }
        }
    }

    @Test("a drone that says what is wrong with the request is quoted")
    func reason() async throws {
        let refusal = ErrorReply(code: .notPermitted, message: "volume mounts are not allowed here")
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster, answers: [.error(refusal)]) { _ in
                let reply = try await cluster.schedule()
                #expect(reply == .error(refusal))
            }
        }
    }

    @Test(
        "a drone that says beside its refusal what is wrong with the request is quoted; that it is full is no fault of the request",
        arguments: [
            (ErrorReply.Code.notPermitted, true), (.full, false),
        ])
    func reasonBesideRefusal(code: ErrorReply.Code, isQuoted: Bool) async throws {
        let refusal = ErrorReply(code: code, message: "said the drone, in “UTF-8”\nand two lines")
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster, listens: false) { drone in
                let spawns = try cluster.bus.subscribe(
                    to: SpawnRequest.self, on: SpawnRequest.subject(cluster: TestCluster.name, drone: drone.id))
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { await spawns.serveWithReasons(maxConcurrent: 1) { _ in (false, refusal) } }
                    try await cluster.bus.connection.flush()
                    let answer = try await cluster.bus.requestWithReason(ScheduleRequest.make())
                    #expect(answer.reply == (isQuoted ? .error(refusal) : .noDroneAvailable))
                    #expect(answer.reason == (isQuoted ? nil : refusal), "beside the answer that has no place for it")
                    group.cancelAll()
                }
            }
        }
    }

    @Test("strings that no container can be given are refused at once", arguments: ["\\u0000", "a\\u0000b"])
    func impossibleStrings(text: String) async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster) { drone in
                let request = """
                    {"cluster":"plane.test","max_idle_secs":1,"metadata":{},"executable":{"image":"demo","env":{"NAME":"\(text)"}}}
                    """
                let answer = try await cluster.bus.connection.request(Array(request.utf8), to: ScheduleRequest.make().subject)
                guard case .error(let error) = try WireCodec.decodeReply(to: ScheduleRequest.self, from: answer.payload) else {
                    Issue.record("it was taken")
                    return
                }
                #expect(error.code == .badRequest)
                #expect(error.message == "executable.env.NAME: expected text without NUL, found a NUL")
                #expect(drone.spawned.isEmpty)
            }
        }
    }

    @Test("S6: a drone that stays silent is asked again with the same id, then told to stop it, and the client hears in time")
    func silentDrone() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster, answers: [.silence]) { drone in
                let reply = try await cluster.schedule()
                #expect(reply == .noDroneAvailable)
                #expect(drone.spawned.count == 2)
                #expect(Set(drone.spawned.map(\.backendID)).count == 1)
                #expect(drone.terminated == [drone.spawned[0].backendID])
            }
        }
    }

    @Test("a silent drone may run what it was asked to run, so the lock stays with it, but nobody is sent there before the drone has spoken")
    func silentHolder() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster, answers: [.silence]) { drone in
                #expect(try await cluster.schedule(.make(lock: .make())) == .noDroneAvailable)
                let silent = try #require(drone.spawned.first)
                #expect(drone.terminated == [silent.backendID])
                guard case .error(let error) = try await cluster.schedule(.make(lock: .make())) else {
                    Issue.record("nobody must be sent to a backend that may not be there")
                    return
                }
                #expect(error.code == .unavailable && error.message.contains("drone drone-a"))
                guard case .error(let fetched) = try await cluster.bus.request(FetchBackendForLock(cluster: TestCluster.name, lock: .make()))
                else {
                    Issue.record("a holder nobody has heard of is not to be fetched")
                    return
                }
                #expect(fetched == error)
                #expect(Set(drone.spawned.map(\.backendID)) == [silent.backendID])
                try await cluster.report(.ready, silent.backendID)
                try await eventually("heard of at last, it is the lock's backend") {
                    guard case .scheduled(let holder) = try await cluster.schedule(.make(lock: .make())) else { return false }
                    return holder.backendID == silent.backendID && !holder.spawned
                }
                try await cluster.report(.terminated, silent.backendID)
                try await cluster.waitForState("the lock is free") { $0.ask { $0.lock(.make(), in: TestCluster.name) == .free } }
            }
        }
    }

    @Test("a drone whose first answer was lost is not asked to run anything twice")
    func lateAnswer() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster, answers: [.silence, .accept]) { drone in
                let backend = try await cluster.spawned()
                #expect(drone.spawned.map(\.backendID) == [backend.backendID, backend.backendID])
                #expect(drone.terminated.isEmpty)
            }
        }
    }

    @Test("a drone that needs longer than we are patient is asked again, and its answer to the first ask counts")
    func slowDrone() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster, answers: [.whenAskedAgain(.accept), .silence]) { drone in
                let backend = try await cluster.spawned()
                #expect(drone.spawned.map(\.backendID) == [backend.backendID, backend.backendID])
                #expect(drone.terminated.isEmpty)
            }
        }
    }

    @Test("a refusal that comes after the request was answered frees the lock")
    func lateRefusal() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster, answers: [.held(.refuse), .held(.refuse), .accept]) { drone in
                #expect(try await cluster.schedule(.make(lock: .make())) == .noDroneAvailable)
                #expect(cluster.fleet.ask { $0.lock(.make(), in: TestCluster.name) } != .free)
                drone.giveHeldAnswers()
                try await cluster.waitForState("the lock is free") { $0.ask { $0.lock(.make(), in: TestCluster.name) == .free } }
                let backend = try await cluster.spawned(.make(lock: .make()))
                #expect(backend.spawned && backend.backendID != drone.spawned[0].backendID)
            }
        }
    }

    @Test("a refusal of the first ask alone frees nothing: the drone may have accepted the second")
    func halfRefusal() async throws {
        try await TestCluster.run(limits: Self.impatient) { cluster in
            try await FakeDrone.run(in: cluster, answers: [.whenAskedAgain(.refuse), .silence]) { drone in
                let reply = try await cluster.schedule(.make(lock: .make()))
                #expect(reply == .noDroneAvailable)
                #expect(drone.spawned.count == 2)
                #expect(drone.terminated == [drone.spawned[0].backendID])
                #expect(cluster.fleet.ask { $0.lock(.make(), in: TestCluster.name) } != .free)
            }
        }
    }

    /// So that nobody waits long for a drone that never answers when it is asked again.
    private static var impatient: ScheduleLimits {
        var limits = TestCluster.limits()
        limits.answer = .seconds(4)
        return limits
    }

    @Test(
        "what a drone says when it refuses the first ask reaches the client and the log, although it may have accepted the second",
        arguments: [(ErrorReply.Code.notPermitted, true), (.full, false)])
    func reasonOfHalfRefusal(code: ErrorReply.Code, isQuoted: Bool) async throws {
        let refusal = ErrorReply(code: code, message: "said the drone")
        let log = LogRecorder()
        try await TestCluster.run(limits: Self.impatient, logger: log.logger) { cluster in
            try await FakeDrone.run(in: cluster, answers: [.whenAskedAgain(.error(refusal)), .silence]) { drone in
                let answer = try await cluster.bus.requestWithReason(ScheduleRequest.make(lock: .make()))
                #expect(answer.reply == (isQuoted ? .error(refusal) : .noDroneAvailable))
                #expect(answer.reason == (isQuoted ? nil : refusal), "beside the answer that has no place for it")
                #expect(log.text.contains("said the drone"))
                #expect(drone.terminated == [drone.spawned[0].backendID])
                #expect(cluster.fleet.ask { $0.lock(.make(), in: TestCluster.name) } != .free)
            }
        }
    }

    @Test("a drone that refuses slowly is waited for, and the next one gets the backend")
    func slowRefusal() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster, answers: [.whenAskedAgain(.refuse), .held(.refuse)]) { slow in
                let reply = Task { try await cluster.schedule() }
                try await eventually("it is asked again") { slow.spawned.count == 2 }
                let asked = ContinuousClock.now
                try await FakeDrone.run("drone-b", in: cluster) { next in
                    try await eventually("a silent drone would not be waited for any longer") { .now - asked > TestCluster.limits().spawnAnswer }
                    slow.giveHeldAnswers()
                    guard case .scheduled(let backend) = try await reply.value else {
                        Issue.record("the other drone was not asked")
                        return
                    }
                    #expect(backend.spawned && backend.drone == next.id)
                    #expect(slow.terminated.isEmpty && next.terminated.isEmpty)
                }
            }
        }
    }

    @Test("a drone takes no more than it says it can")
    func fullDrone() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster, maxBackends: 3) { drone in
                for _ in 0..<3 { _ = try await cluster.spawned() }
                #expect(try await cluster.schedule() == .noDroneAvailable)
                #expect(drone.spawned.count == 3)
            }
        }
    }

    @Test("S8: a burst spreads over the drones")
    func spread() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run("drone-a", in: cluster) { a in
                try await FakeDrone.run("drone-b", in: cluster) { b in
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for _ in 0..<100 { group.addTask { _ = try await cluster.spawned() } }
                        try await group.waitForAll()
                    }
                    #expect(a.spawned.count + b.spawned.count == 100)
                    #expect((45...55).contains(a.spawned.count), "\(a.spawned.count) to \(b.spawned.count)")
                }
            }
        }
    }

    @Test("a cluster nobody has heard of has no drones")
    func unknownCluster() async throws {
        try await TestCluster.run { cluster in
            let reply = try await cluster.schedule(.make(cluster: ClusterName(rawValue: "other.test")!))
            #expect(reply == .noDroneAvailable)
        }
    }
}
