import Logging
import NATS
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneState
import PlaneTestSupport
import ServiceLifecycle
import Testing

@testable import SchedulerCore

@Suite("Scheduler's beginning, end and log") struct SchedulerLifetimeTests {
    @Test("a scheduler that starts later knows what the others know, and honours their locks")
    func startsLater() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster) { drone in
                let backend = try await cluster.spawned(.make(lock: .make(), token: true))
                let fleet = StateStore()
                let late = Scheduler(bus: try await TestCluster.bus(cluster.server), fleet: fleet, logger: TestCluster.silent)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await late.run() }
                    await fleet.waitUntilCaughtUp()
                    #expect(
                        fleet.lockView(of: .make(), in: TestCluster.name)
                            == .held(.init(backend: backend.backendID, drone: drone.id, bearerToken: backend.bearerToken)))
                    // The drone is placed upon before it has sent this process a sign of life: the stream has a fresh one.
                    #expect(fleet.chooseDrone(in: TestCluster.name, excluding: [], now: .now()) == drone.id)
                    group.cancelAll()
                    try await group.waitForAll()
                }
            }
        }
    }

    @Test("told to end, it still answers the request it is working on")
    func gracefulEnd() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster, answers: [.silence, .accept]) { drone in
                try await withThrowingTaskGroup(of: ScheduledBackend.self) { group in
                    group.addTask { try await cluster.spawned() }
                    try await eventually("the drone is asked") { !drone.spawned.isEmpty }
                    await cluster.schedulers.triggerGracefulShutdown()
                    let backend = try await group.next()
                    #expect(backend?.drone == drone.id)
                }
            }
        }
    }

    @Test("says so when NATS is gone, and when the fleet is current again")
    func natsGone() async throws {
        let log = LogRecorder()
        try await TestCluster.run(logger: log.logger) { cluster in
            await cluster.server.stop(.kill)
            #expect(await log.entry("the state of the fleet is out of date: NATS does not take or does not bring news").level == .error)
            try await cluster.server.startAgain()
            #expect(await log.entry("the state of the fleet is current again").level == .notice)
        }
    }

    @Test("a scheduler that does not see the newest state of the fleet refuses rather than guess")
    func behind() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster) { drone in
                let held = try await cluster.spawned(.make(lock: .make()))
                // Its heartbeat finds once a second that all is well, and may do so just before the request.
                try await eventually("a request is refused") {
                    cluster.fleet.setCurrent(false)
                    return try await cluster.schedule(.make(lock: .make("other"))) == .error(.isBehind())
                }
                try await eventually("a question is refused") {
                    cluster.fleet.setCurrent(false)
                    return try await cluster.bus.request(FetchBackendForLock(cluster: TestCluster.name, lock: .make())) == .error(.isBehind())
                }
                try await eventually("it serves again by itself") {
                    guard case .scheduled(let backend) = try await cluster.schedule(.make(lock: .make())) else { return false }
                    return backend.backendID == held.backendID
                }
            }
        }
    }

    @Test("a drain survives the schedulers: one that starts later places nothing there, sees it done, and undone")
    func drainSurvives() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster) { drone in
                try await drone.say(.draining)
                let fleet = StateStore()
                let late = Scheduler(bus: try await TestCluster.bus(cluster.server), fleet: fleet, logger: TestCluster.silent)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await late.run() }
                    await fleet.waitUntilCaughtUp()
                    #expect(fleet.ask { $0.drone(drone.id, in: TestCluster.name)?.state } == .draining)
                    #expect(fleet.chooseDrone(in: TestCluster.name, excluding: [], now: .now()) == nil)
                    // The one before it is gone.
                    await cluster.schedulers.triggerGracefulShutdown()
                    for (state, choice) in [(DroneState.drained, nil), (.ready, drone.id)] {
                        try await eventually("the new one has heard it") {
                            try drone.beat(state)
                            // It comes by the stream and from the drone itself, in either order.
                            return fleet.ask { $0.drone(drone.id, in: TestCluster.name)?.state } == state
                                && fleet.chooseDrone(in: TestCluster.name, excluding: [], now: .now()) == choice
                        }
                    }
                    group.cancelAll()
                    try await group.waitForAll()
                }
            }
        }
    }

    @Test("S14: tokens, credentials and environment reach no log, whatever happens to the request")
    func secrets() async throws {
        let log = LogRecorder()
        var request = ScheduleRequest.make(token: true)
        request.executable.env = ["PASSWORD": "hunter2"]
        request.executable.credentials = .usernamePassword(username: "ci", password: "hunter3")
        let secret = request
        try await TestCluster.run(logger: log.logger) { cluster in
            _ = try await cluster.schedule(secret)
            let tokens = Recorder<String>()
            try await FakeDrone.run(in: cluster, answers: [.accept, .refuse, .silence]) { drone in
                tokens.record(try await cluster.spawned(secret).bearerToken?.exposed ?? "")
                for _ in 0..<2 { _ = try await cluster.schedule(secret) }
            }
            var broken = WireCodec.encode(secret)
            broken.removeLast()
            _ = try await cluster.bus.connection.request(broken, to: secret.subject)
            #expect(log.text.contains("backend scheduled"))
            #expect(log.text.contains("message cannot be read"))
            for secret in ["hunter2", "hunter3"] + tokens.all { #expect(!log.text.contains(secret)) }
        }
    }
}
