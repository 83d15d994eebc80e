import Foundation
import Logging
import NATS
import PlaneProtocol
import PlaneService
import PlaneTestSupport
import Testing

/// The main path with the users of `dev/config/nats-server.conf`, over TLS; and what each of them is refused.
@Suite("Users of the sample nats-server.conf", .serialized, .timeLimit(.minutes(3))) struct TrustTests {
    /// As the tests speak for a part of the system that is not under test here.
    private static func connect(_ user: String, to nats: GuardedNATS, inbox: String, _ log: LogRecorder) async throws -> PlaneBus {
        PlaneBus(connection: try await NATSConnection.connect(nats.options(user, inboxPrefix: inbox), logger: log.logger), logger: log.logger)
    }

    @Test("the main path works over TLS with each service's own user, and nobody is refused anything")
    func mainPath() async throws {
        let server = try await GuardedNATS.start()
        let dnsPort = try freeLoopbackPort()
        let scheduler = try TestProcess.ours("scheduler", environment: server.environment("scheduler"))
        try await scheduler.line(containing: "scheduler is ready")
        let dns = try TestProcess.ours(
            "dns",
            environment: server.environment("dns").merging(["PLANE_DNS__PORT": "\(dnsPort)", "PLANE_DNS__BIND_IP": "127.0.0.1"]) { $1 })
        try await dns.line(containing: "dns is ready")

        let log = LogRecorder()
        let inbox = "cluster.plane_test.inbox"
        let drone = try await Self.connect("drone-1", to: server, inbox: inbox, log)
        let refresher = try await Self.connect("cert-refresher", to: server, inbox: inbox, log)
        let application = try await Self.connect("application", to: server, inbox: "app.inbox", log)
        let operatorBus = try await Self.connect("operator", to: server, inbox: "cli.inbox", log)

        let id = DroneID.make("drone-1")
        let spawns = try drone.subscribe(to: SpawnRequest.self, on: SpawnRequest.subject(cluster: .plane, drone: id))
        let drains = try drone.subscribe(to: DrainDrone.self, on: "cluster.plane_test.drone.drone-1.drain")
        let terminations = try drone.subscribe(to: TerminationRequest.self, on: "cluster.plane_test.backend.*.terminate")
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await spawns.serve(maxConcurrent: 8) { _ in .success(true) } }
            group.addTask { await drains.serve(maxConcurrent: 8) { _ in .success(UnitReply()) } }
            group.addTask { await terminations.serve(maxConcurrent: 8) { _ in .success(UnitReply()) } }
            #expect(try await drone.request(DroneConnectRequest(droneID: id, version: "test", cluster: .plane, ip: .v4)))
            let request = ScheduleRequest(
                cluster: .plane, maxIdle: 10, metadata: [:], executable: DockerExecutableConfig(image: "demo"))
            var scheduled: ScheduledBackend?
            try await eventually("the drone can be scheduled on") {
                try drone.publish(
                    DroneStatusMessage(droneID: id, cluster: .plane, droneVersion: "test", state: .ready, runningBackends: 0, maxBackends: nil))
                guard case .scheduled(let backend) = try await application.request(request) else { return false }
                scheduled = backend
                return true
            }
            let backend = try #require(scheduled?.backendID)
            _ = try await drone.request(
                UpdateBackendStateMessage(cluster: .plane, state: .ready, backend: backend, time: .now(), drone: id))
            let history = try await application.connection.jetStream.orderedConsumer(
                stream: "backend_status", filter: BackendStateMessage.subject(backend: backend), from: .first)
            for await _ in history { break }
            #expect(try await refresher.request(SetAcmeDNSRecord(cluster: .plane, value: "the value")))
            try await eventually("dns answers") {
                try await TestProcess.run(
                    "/usr/bin/dig", ["@127.0.0.1", "-p", "\(dnsPort)", "+short", "\(backend).plane.test", "A", "_acme-challenge.plane.test", "TXT"]
                ) == ["203.0.113.7", "\"the value\""]
            }
            _ = try await application.request(TerminationRequest(cluster: .plane, backendID: backend))
            _ = try await operatorBus.request(DrainDrone(drone: id, cluster: .plane, drain: true))
            for arguments in [["list-drones"], ["list-backends"], ["dump-state"], ["cleanup", "--dry-run"], ["why", "\(backend)"]] {
                let plane = try TestProcess.ours("plane", arguments + ["--nats", server.url(of: "operator"), "--nats-ca", server.caPath])
                #expect(await plane.ended() == 0, "plane \(arguments): \(plane.log)")
            }
            let world = try await operatorBus.connection.jetStream.orderedConsumer(stream: "plane_state", from: .first)
            for await message in world where message.pending == 0 { break }
            group.cancelAll()
        }
        for bus in [drone, refresher, application, operatorBus] { await bus.connection.drain(timeout: .seconds(1)) }
        for program in [dns, scheduler] {
            await program.stop(.terminate)
            #expect(!program.log.contains { $0.contains(GuardedNATS.refusal) }, "\(program.log)")
        }
        #expect(!log.text.contains(GuardedNATS.refusal), "\(log.text)")
        await server.server.stop(.kill)
    }

    /// What each user must not be able to say, and must not be able to hear.
    static let forbidden: [(user: String, publish: [String], subscribe: [String])] = [
        (
            "scheduler",
            ["cluster.plane_test.schedule", "$JS.API.STREAM.DELETE.plane_state", "backend.one.log", "certificate.cluster.plane_test.pair"],
            ["backend.*.log", ">"]
        ),
        (
            "dns",
            ["state.cluster.plane_test.acme", "cluster.plane_test.schedule", "cluster.plane_test.backend.one.terminate", "backend.one.status",
                "$JS.API.CONSUMER.CREATE.backend_logs", "$JS.API.STREAM.PURGE.plane_state", "lease.housekeeping"],
            ["cluster.*.drone.*.spawn", "cluster.*.set_acme_record", "state.>", "backend.*.log"]
        ),
        (
            "drone-1",
            ["cluster.plane_test.drone.drone-2.status", "cluster.plane_test.drone.drone-2.spawn", "cluster.plane_test.schedule",
                "cluster.plane_test.set_acme_record", "state.heartbeat", "backend.one.status", "$JS.API.CONSUMER.CREATE.plane_state",
                "cluster.plane_test.drone.drone-2.roll_call", "certificate.cluster.plane_test.pair",
                "$JS.API.STREAM.MSG.GET.plane_certificates", "cluster.other_test.drone.register"],
            ["cluster.plane_test.drone.drone-2.spawn", "cluster.plane_test.drone.*.spawn", "cluster.plane_test.schedule",
                "cluster.other_test.backend.*.terminate", "backend.*.log", "controller.inbox.>"]
        ),
        (
            "cert-refresher",
            ["cluster.other_test.set_acme_record", "cluster.plane_test.schedule", "cluster.plane_test.drone.register", "state.cluster.plane_test.acme",
                "$JS.API.CONSUMER.CREATE.plane_state"],
            ["cluster.plane_test.drone.drone-1.spawn", "state.>", "controller.inbox.>"]
        ),
        (
            "application",
            ["cluster.plane_test.drone.drone-1.spawn", "cluster.plane_test.drone.drone-1.drain", "cluster.plane_test.set_acme_record",
                "cluster.other_test.schedule", "state.heartbeat", "$JS.API.CONSUMER.CREATE.plane_state", "cluster.plane_test.backend.one.status"],
            ["cluster.plane_test.drone.*.spawn", "state.>", "cluster.plane_test.inbox.>", "controller.inbox.>"]
        ),
        ("operator", ["cluster.other_test.schedule", "$JS.API.STREAM.DELETE.plane_state", "state.heartbeat"], ["controller.inbox.>", "cluster.other_test.>"]),
    ]

    @Test("each user is refused what is not its own")
    func refusals() async throws {
        let server = try await GuardedNATS.start()
        for (user, publish, subscribe) in Self.forbidden {
            let log = LogRecorder()
            let bus = try await Self.connect(user, to: server, inbox: "unused", log)
            for subject in publish { try bus.connection.publish([], to: subject) }
            var subscriptions: [NATSSubscription] = []
            for subject in subscribe { subscriptions.append(try bus.connection.subscribe(subject)) }
            for subject in publish {
                try await eventually("\(user) may not publish to \(subject)") {
                    log.text.contains("Publish to \"\(subject)\"") || log.text.contains("Publish to \\\"\(subject)\\\"")
                }
            }
            for subject in subscribe {
                try await eventually("\(user) may not subscribe to \(subject)") {
                    log.text.contains("Subscription to \"\(subject)\"") || log.text.contains("Subscription to \\\"\(subject)\\\"")
                }
            }
            await bus.connection.drain(timeout: .seconds(1))
        }
        #expect(Set(Self.forbidden.map(\.user)) == Set(GuardedNATS.users))
        await server.server.stop(.kill)
    }
}
