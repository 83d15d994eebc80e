import Foundation
import Logging
import NATS
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneTestSupport
import Testing

/// The main path with the users of `dev/config/nats-server.conf`, over TLS; and what each of them is refused.
@Suite("Users of the sample nats-server.conf", .serialized, .timeLimit(.minutes(10))) struct TrustTests {
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
        let drone = try await Self.connect("drone-1", to: server, inbox: "cluster.plane_test.inbox.agent.drone-1", log)
        let refresher = try await Self.connect("cert-refresher", to: server, inbox: "cluster.plane_test.inbox.refresher", log)
        try await server.keepStatesForApplication(server.options("application", inboxPrefix: "app.inbox"))
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
            #expect(try await drone.request(DroneStatement(DroneConnectRequest(droneID: id, version: "test", cluster: .plane, ip: .v4))))
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
                DroneStatement(UpdateBackendStateMessage(cluster: .plane, state: .ready, backend: backend, time: .now(), drone: id)))
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
            let fleet = try await operatorBus.connection.jetStream.orderedConsumer(stream: "plane_state", from: .first)
            for await message in fleet where message.pending == 0 { break }
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
            ["backend.*.log", ">", "controller.inbox.>", "cluster.plane_test.inbox.>"]
        ),
        (
            "dns",
            [
                "state.cluster.plane_test.acme", "cluster.plane_test.schedule", "cluster.plane_test.backend.one.terminate", "backend.one.status",
                "$JS.API.CONSUMER.CREATE.backend_logs", "plane.API.CONSUMER.CREATE.plane_secrets", "plane.API.STREAM.MSG.GET.plane_secrets",
                "$JS.API.STREAM.PURGE.plane_state", "lease.housekeeping",
            ],
            ["cluster.*.drone.*.spawn", "cluster.*.set_acme_record", "state.>", "backend.*.log", "controller.inbox.scheduler.>"]
        ),
        (
            "drone-1",
            [
                "cluster.plane_test.drone.drone-2.status", "cluster.plane_test.drone.drone-2.spawn", "cluster.plane_test.schedule",
                "cluster.plane_test.set_acme_record", "state.heartbeat", "backend.one.status", "$JS.API.CONSUMER.CREATE.plane_state",
                "cluster.plane_test.drone.drone-2.roll_call", "certificate.cluster.plane_test.pair",
                "$JS.API.STREAM.MSG.GET.plane_certificates", "cluster.other_test.drone.drone-1.register",
                "cluster.plane_test.drone.register", "cluster.plane_test.drone.drone-2.register", "cluster.plane_test.backend.one.status",
                "cluster.plane_test.drone.drone-2.backend.one.status", "cluster.plane_test.backend.one.terminate", "logs.drone.drone-2",
                "backend.one.log", "cluster.plane_test.backend.one.stats", "cluster.plane_test.drone.drone-2.backend.one.log",
                "cluster.plane_test.drone.drone-2.backend.one.stats",
            ],
            [
                "cluster.plane_test.inbox.>", "cluster.plane_test.inbox.agent.drone-2.>", "cluster.plane_test.drone.drone-2.spawn",
                "cluster.plane_test.drone.*.spawn", "cluster.plane_test.schedule",
                "cluster.other_test.backend.*.terminate", "backend.*.log", "controller.inbox.>",
            ]
        ),
        (
            "cert-refresher",
            [
                "cluster.other_test.set_acme_record", "cluster.plane_test.schedule", "cluster.plane_test.drone.register", "state.cluster.plane_test.acme",
                "$JS.API.CONSUMER.CREATE.plane_state", "certificate.cluster.plane_test.other", "certificate.cluster.other_test.pair",
                "$JS.API.STREAM.PURGE.plane_certificates", "plane.API.CONSUMER.CREATE.plane_certificates",
            ],
            ["cluster.plane_test.drone.drone-1.spawn", "state.>", "controller.inbox.>"]
        ),
        (
            "gateway",
            [
                "state.heartbeat", "state.cluster.plane_test.acme", "cluster.plane_test.set_acme_record", "cluster.plane_test.drone.drone-1.spawn",
                "cluster.plane_test.drone.drone-1.register", "cluster.plane_test.drone.drone-1.status", "backend.one.status", "backend.one.log",
                "secret.cluster.plane_test.backend.one", "certificate.cluster.plane_test.pair", "plane.API.STREAM.MSG.GET.plane_secrets",
                "plane.API.CONSUMER.CREATE.plane_secrets", "plane.API.STREAM.MSG.GET.plane_certificates", "$JS.API.STREAM.PURGE.plane_state",
                "$JS.API.STREAM.PURGE.plane_tokens", "plane.API.STREAM.PURGE.plane_tokens", "$JS.API.STREAM.INFO.plane_state",
                "$JS.API.STREAM.DELETE.plane_state", "lease.housekeeping",
                "plane.API.CONSUMER.CREATE.plane_tokens", "plane.API.CONSUMER.CREATE.plane_keys", "$JS.API.STREAM.UPDATE.plane_tokens",
                "$JS.API.STREAM.CREATE.own", "$JS.API.STREAM.MSG.DELETE.plane_tokens", "cluster.plane_test.drone.drone-1.roll_call",
                "cluster.plane_test.proxy.one.status", "used.one",
            ],
            [
                "cluster.plane_test.drone.*.spawn", "cluster.plane_test.schedule", "cluster.*.set_acme_record", "state.>", "token.*", "visited.>",
                "backend.*.log",
                "controller.inbox.>", "controller.inbox.scheduler.>",
            ]
        ),
        (
            "gateway-proxy",
            [
                "state.heartbeat", "state.cluster.plane_test.acme", "cluster.plane_test.schedule", "cluster.plane_test.set_acme_record",
                "cluster.plane_test.drone.drone-1.spawn", "cluster.plane_test.drone.drone-1.register", "cluster.plane_test.backend.one.terminate",
                "backend.one.status", "backend.one.log", "secret.cluster.plane_test.backend.one", "revoked.one.two", "opened.one", "key.one",
                "certificate.cluster.plane_test.pair", "plane.API.STREAM.MSG.GET.plane_secrets", "plane.API.CONSUMER.CREATE.plane_secrets",
                "$JS.API.STREAM.PURGE.plane_tokens", "$JS.API.STREAM.DELETE.plane_state", "lease.housekeeping", "visited.one.two", "token.one", "used.one.two",
                "plane.API.STREAM.MSG.GET.plane_state", "plane.API.STREAM.MSG.GET.plane_keys", "plane.API.STREAM.MSG.DELETE.plane_tokens",
                "plane.API.STREAM.UPDATE.plane_tokens", "plane.API.STREAM.CREATE.own", "plane.API.CONSUMER.CREATE.plane_keys",
                "plane.API.CONSUMER.CREATE.plane_certificates", "plane.API.CONSUMER.CREATE.backend_logs", "cluster.plane_test.drone.drone-1.drain",
                "cluster.plane_test.drone.drone-1.exec.begin", "cluster.other_test.proxy.one.status",
            ],
            ["cluster.plane_test.schedule", "cluster.plane_test.drone.*.spawn", "state.>", "token.*", "backend.*.log", "controller.inbox.>"]
        ),
        (
            "operator",
            [
                "cluster.other_test.schedule", "$JS.API.STREAM.DELETE.plane_state", "state.heartbeat", "state.cluster.plane_test.acme",
                "cluster.plane_test.drone.drone-1.spawn", "cluster.plane_test.drone.drone-1.register", "cluster.plane_test.drone.drone-1.status",
                "cluster.plane_test.drone.drone-1.backend.one.status", "lease.housekeeping", "secret.cluster.plane_test.backend.one",
                "$JS.API.STREAM.CREATE.own", "$JS.API.STREAM.CREATE.plane_room_probe", "$JS.API.STREAM.UPDATE.backend_logs",
                "$JS.API.CONSUMER.DURABLE.CREATE.backend_logs.own", "cluster.plane_test.set_acme_record", "token.one", "key.one",
            ],
            ["controller.inbox.>", "cluster.other_test.>", "cluster.plane_test.drone.*.spawn", "cluster.plane_test.inbox.>"]
        ),
    ]

    @Test("a service whose password NATS refuses says so and goes on trying, instead of ending and being started every second")
    func wrongPassword() async throws {
        let server = try await GuardedNATS.start()
        let scheduler = try TestProcess.ours(
            "scheduler",
            environment: server.environment("scheduler").merging(["PLANE_NATS__AUTH__PASSWORD": "not-th1s", "PLANE_LOG__LEVEL": "debug"]) { $1 })
        for attempt in 1...2 {
            try await eventually("it has tried \(attempt) times", within: .seconds(30)) {
                scheduler.log.count { $0.contains("NATS refuses the credentials, trying again") } >= attempt
            }
        }
        #expect(!scheduler.log.contains { $0.contains("not-th1s") })
        await scheduler.stop(.terminate)
    }

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
        // A proxy on a drone has no user of its own, and is let in nowhere.
        let options = NATSOptions(servers: [server.url], tls: NATSTLSOptions(caFile: server.caPath), initialAttempts: 1)
        let refusal = await #expect(throws: NATSError.self) { try await NATSConnection.connect(options, logger: Logger(label: "nobody")) }
        #expect(refusal?.code == .authorizationViolation)
        // The application has an account of its own, from which nothing is reached but what is exported to it.
        #expect(Set(Self.forbidden.map(\.user)) == Set(GuardedNATS.users).subtracting(["application"]))
        await server.server.stop(.kill)
    }

    @Test("an application reaches nothing but what is exported to its account, whatever it does with streams of its own there")
    func application() async throws {
        let server = try await GuardedNATS.start()
        let scheduler = try TestProcess.ours("scheduler", environment: server.environment("scheduler"))
        try await scheduler.line(containing: "scheduler is ready")
        let log = LogRecorder()
        let application = try await Self.connect("application", to: server, inbox: "app.inbox", log)
        let drone = try await Self.connect("drone-1", to: server, inbox: "cluster.plane_test.inbox.agent.drone-1", log)
        let operatorBus = try await Self.connect("operator", to: server, inbox: "cli.inbox", log)
        let commands = try drone.connection.subscribe("cluster.plane_test.drone.drone-1.spawn")
        try await drone.connection.flush()
        for subject in [
            "cluster.plane_test.drone.drone-1.spawn", "cluster.plane_test.drone.drone-1.register", "cluster.plane_test.drone.register",
            "cluster.plane_test.backend.one.status", "cluster.plane_test.set_acme_record", "cluster.other_test.schedule", "state.heartbeat",
            "plane.API.STREAM.INFO.plane_state",
        ] {
            let error = await #expect(throws: NATSError.self) {
                try await application.connection.request([], to: subject, timeout: .seconds(60))
            }
            #expect(error?.code == .noResponders, "\(subject): \(String(describing: error))")
        }
        let missing = await #expect(throws: NATSError.self) { try await application.connection.jetStream.streamInfo("plane_state") }
        #expect(missing?.code == .streamNotFound)

        // A consumer that delivers onto a command's subject delivers it to nobody.
        try await server.keepStatesForApplication(server.options("application", inboxPrefix: "app.inbox"))
        let consumer = #"{"stream_name":"backend_status","config":{"deliver_subject":"cluster.plane_test.drone.drone-1.spawn","ack_policy":"none"}}"#
        _ = try await application.connection.request(Array(consumer.utf8), to: "$JS.API.CONSUMER.CREATE.backend_status")
        try application.connection.publish(Array("{}".utf8), to: "backend.one.status")
        for _ in 0..<120 {
            let more = #"{"stream_name":"backend_status","config":{"deliver_subject":"x","ack_policy":"none","inactive_threshold":31536000000000000}}"#
            _ = try await application.connection.request(Array(more.utf8), to: "$JS.API.CONSUMER.CREATE.backend_status")
        }
        let last = try await application.connection.request(Array(consumer.utf8), to: "$JS.API.CONSUMER.CREATE.backend_status")
        #expect(String(decoding: last.payload, as: UTF8.self).contains("maximum consumers limit"))
        // What it puts onto a public subject stays in its account as well.
        let states = try await operatorBus.connection.jetStream.streamInfo("backend_status")
        #expect(states.lastSequence == 0)
        commands.drain()
        for await command in commands { Issue.record("the drone heard \(command.subject)") }
        for bus in [application, drone, operatorBus] { await bus.connection.drain(timeout: .seconds(1)) }
        await scheduler.stop(.terminate)
        await server.server.stop(.kill)
    }

    /// Subjects on which something would happen, or be written, if an answer were published there.
    static let targets = [
        "$JS.API.STREAM.PURGE.plane_state", "state.cluster.plane_test.drone.drone-1.meta", "lease.housekeeping",
        "state.cluster.plane_test.backend.one.state.Lost", "cluster.plane_test.drone.drone-1.spawn", "visited.inbox.somebody", "revoked.inbox.all",
    ]
    /// What each user may publish and is answered by somebody, be it the server.
    static let answered: [(user: String, inbox: String, subjects: [String])] = [
        (
            "application", "app.inbox",
            [
                "cluster.plane_test.schedule", "cluster.plane_test.fetch", "cluster.plane_test.backend.one.terminate", "$JS.API.INFO",
                "cluster.plane_test.drone.drone-1.backend.one.log",
            ]
        ),
        (
            "drone-1", "cluster.plane_test.inbox.agent.drone-1",
            [
                "cluster.plane_test.drone.drone-1.register", "cluster.plane_test.drone.drone-1.backend.one.status",
                "cluster.plane_test.drone.drone-1.backend.one.log", "cluster.plane_test.drone.drone-1.backend.one.stats",
                "cluster.plane_test.drone.drone-1.status",
            ]
        ),
        (
            "dns", "controller.inbox.dns",
            ["plane.API.STREAM.INFO.plane_state", "plane.API.CONSUMER.CREATE.plane_state", "plane.API.CONSUMER.DELETE.plane_state.one"]
        ),
        (
            "gateway", "controller.inbox.gateway",
            [
                "cluster.plane_test.schedule", "cluster.plane_test.fetch", "cluster.plane_test.backend.one.terminate", "cluster.plane_test.drone.drone-1.drain",
                "plane.API.STREAM.INFO.plane_state", "plane.API.STREAM.MSG.GET.plane_state", "plane.API.CONSUMER.CREATE.plane_state", "key.one", "opened.one",
            ]
        ),
        (
            "gateway-proxy", "cluster.plane_test.inbox.tier",
            [
                "plane.API.STREAM.INFO.plane_tokens", "plane.API.STREAM.MSG.GET.plane_tokens", "plane.API.CONSUMER.CREATE.plane_tokens",
                "cluster.plane_test.proxy.one.status",
            ]
        ),
        // He may purge the state himself, so the server is not asked in his name.
        (
            "operator", "cli.inbox",
            [
                "cluster.plane_test.schedule", "cluster.plane_test.fetch", "cluster.plane_test.backend.one.terminate",
                "cluster.plane_test.backend.one.status", "cluster.plane_test.drone.drone-1.drain",
            ]
        ),
        (
            "cert-refresher", "cluster.plane_test.inbox.refresher",
            ["cluster.plane_test.set_acme_record", "certificate.cluster.plane_test.pair", "plane.API.STREAM.MSG.GET.plane_certificates"]
        ),
    ]

    @Test("nobody has an answer published for him where he may not publish himself, neither by a service nor by the server")
    func deputies() async throws {
        let server = try await GuardedNATS.start()
        let metricsPort = try freeLoopbackPort()
        let scheduler = try TestProcess.ours(
            "scheduler", environment: server.environment("scheduler").merging(["PLANE_SCHEDULER__METRICS__PORT": "\(metricsPort)"]) { $1 })
        try await scheduler.line(containing: "scheduler is ready")
        let log = LogRecorder()
        let drone = try await Self.connect("drone-1", to: server, inbox: "cluster.plane_test.inbox.agent.drone-1", log)
        let id = DroneID.make("drone-1")
        let spawns = try drone.connection.subscribe("cluster.plane_test.drone.drone-1.spawn")
        #expect(try await drone.request(DroneStatement(DroneConnectRequest(droneID: id, version: "test", cluster: .plane, ip: .v4))))
        let before = try await Self.state(server)
        #expect(before.contains { $0.hasPrefix("state.cluster.plane_test.drone.drone-1.meta ") })
        for (user, inbox, subjects) in Self.answered {
            let bus = try await Self.connect(user, to: server, inbox: inbox, log)
            for subject in subjects {
                for target in Self.targets { try bus.connection.publish(Array("1".utf8), to: subject, reply: target) }
            }
            // Each of them has been answered when this is.
            if let last = subjects.first { _ = try? await bus.connection.request(Array("1".utf8), to: last, timeout: .seconds(5)) }
            await bus.connection.drain(timeout: .seconds(1))
        }
        _ = try await drone.request(DroneStatement(DroneConnectRequest(droneID: id, version: "test", cluster: .plane, ip: .v4)))
        let after = try await Self.state(server)
        #expect(after == before)
        spawns.drain()
        for await command in spawns { Issue.record("the drone heard a command: \(command.payload.count) bytes") }
        #expect(scheduler.log.contains { $0.contains("its subject is no inbox") })
        let scraper = try TestPeer.connect(port: metricsPort)
        try await scraper.send("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        let metrics = try await scraper.receiveToEnd()
        let dropped = try #require(metrics.firstMatch(of: #/\nplane_answers_dropped_total (\d+)/#).flatMap { Int($0.output.1) })
        // Each subject a service answers on, with each target.
        #expect(dropped >= Self.targets.count, "\(dropped)")
        await drone.connection.drain(timeout: .seconds(1))
        await scheduler.stop(.terminate)
        await server.server.stop(.kill)
    }

    @Test(
        "what is delivered to whoever may make a consumer is kept in no stream, whatever subject it is delivered on", arguments: ["dns", "gateway", "operator"])
    func consumers(user: String) async throws {
        let server = try await GuardedNATS.start()
        let scheduler = try TestProcess.ours("scheduler", environment: server.environment("scheduler"))
        try await scheduler.line(containing: "scheduler is ready")
        let log = LogRecorder()
        let drone = try await Self.connect("drone-1", to: server, inbox: "cluster.plane_test.inbox.agent.drone-1", log)
        #expect(try await drone.request(DroneStatement(DroneConnectRequest(droneID: .make("drone-1"), version: "test", cluster: .plane, ip: .v4))))
        let before = try await Self.state(server)
        let isOperator = user == "operator"
        let bus = try await Self.connect(user, to: server, inbox: isOperator ? "cli.inbox" : "controller.inbox.\(user)", log)
        for subject in [
            "secret.cluster.plane_test.backend.one", "lease.housekeeping", "backend.one.status", "certificate.cluster.plane_test.pair",
            "state.cluster.plane_test.drone.drone-2.meta", "cluster.plane_test.drone.drone-1.backend.one.log",
            "$JS.API.STREAM.PURGE.plane_state", "$JS.API.STREAM.DELETE.plane_state",
        ] {
            let consumer = #"{"stream_name":"plane_state","config":{"deliver_subject":"\#(subject)","ack_policy":"none"}}"#
            _ = try await bus.connection.request(
                Array(consumer.utf8), to: "\(isOperator ? "$JS.API" : "plane.API").CONSUMER.CREATE.plane_state", timeout: .seconds(60))
        }
        // One to an inbox, to have waited until such a delivery comes.
        let fleet = try await bus.connection.jetStream.orderedConsumer(stream: "plane_state", from: .first)
        for await message in fleet where message.pending == 0 { break }
        let operatorBus = try await Self.connect("operator", to: server, inbox: "cli.inbox", log)
        for stream in ["plane_secrets", "backend_status", "plane_certificates", "backend_logs"] {
            #expect(try await operatorBus.connection.jetStream.streamInfo(stream).lastSequence == 0, "\(stream)")
        }
        #expect(try await Self.state(server) == before)
        for bus in [drone, bus, operatorBus] { await bus.connection.drain(timeout: .seconds(1)) }
        await scheduler.stop(.terminate)
        await server.server.stop(.kill)
    }

    @Test(
        "consumers that a stolen part has left, as many as a stream may have, keep nobody from starting: schedulers delete them",
        arguments: [("dns", "plane_state"), ("gateway-proxy", "plane_tokens"), ("gateway", "plane_state")])
    func leftConsumers(user: String, stream: String) async throws {
        let server = try await GuardedNATS.start()
        let first = try TestProcess.ours("scheduler", environment: server.environment("scheduler"))
        try await first.line(containing: "scheduler is ready")
        await first.stop(.terminate)
        let log = LogRecorder()
        let drone = try await Self.connect("drone-1", to: server, inbox: "cluster.plane_test.inbox.agent.drone-1", log)
        // What is delivered here has a listener for as long as the drone is there.
        let command = try drone.connection.subscribe("cluster.plane_test.drone.drone-1.roll_call")
        try await drone.connection.flush()
        let inbox = user == "gateway-proxy" ? "cluster.plane_test.inbox.tier" : "controller.inbox.\(user)"
        let bus = try await Self.connect(user, to: server, inbox: inbox, log)
        func make(_ number: Int) -> [UInt8] {
            let config =
                number.isMultiple(of: 2)
                ? #""deliver_subject":"\#(inbox).nobody","inactive_threshold":31536000000000000"#
                : #""deliver_subject":"cluster.plane_test.drone.drone-1.roll_call""#
            return Array(#"{"stream_name":"\#(stream)","config":{"ack_policy":"none","deliver_policy":"new",\#(config)}}"#.utf8)
        }
        let subject = "plane.API.CONSUMER.CREATE.\(stream)"
        for number in 0..<1000 {
            let answer = try await bus.connection.request(make(number), to: subject, timeout: .seconds(60))
            try #require(!String(decoding: answer.payload, as: UTF8.self).contains(#""error""#), "\(number)")
        }
        let last = try await bus.connection.request(make(0), to: subject, timeout: .seconds(60))
        #expect(String(decoding: last.payload, as: UTF8.self).contains("maximum consumers limit"))

        let second = try TestProcess.ours("scheduler", environment: server.environment("scheduler"))
        try await second.line(containing: "scheduler is ready")
        let operatorBus = try await Self.connect("operator", to: server, inbox: "cli.inbox", log)
        try await eventually("what was left is gone", within: .seconds(60)) {
            try await operatorBus.connection.jetStream.streamInfo(stream).consumers < 10
        }
        try await second.line(containing: "a stream had many consumers")
        command.cancel()
        for bus in [drone, bus, operatorBus] { await bus.connection.drain(timeout: .seconds(1)) }
        await second.stop(.terminate)
        #expect(!second.log.contains { $0.contains(GuardedNATS.refusal) }, "\(second.log)")
        await server.server.stop(.kill)
    }

    @Test("no command comes out of a stream: neither what a drone prints nor what else is stored is carried out where an operator has it delivered")
    func commandsFromStreams() async throws {
        let server = try await GuardedNATS.start()
        let scheduler = try TestProcess.ours("scheduler", environment: server.environment("scheduler"))
        try await scheduler.line(containing: "scheduler is ready")
        let log = LogRecorder()
        let drone = try await Self.connect("drone-1", to: server, inbox: "cluster.plane_test.inbox.agent.drone-1", log)
        let operatorBus = try await Self.connect("operator", to: server, inbox: "cli.inbox", log)
        let id = DroneID.make("drone-1")
        #expect(try await drone.request(DroneStatement(DroneConnectRequest(droneID: id, version: "test", cluster: .plane, ip: .v4))))
        let before = try await Self.state(server)
        let record = SetAcmeDNSRecord(cluster: .plane, value: "the operator's")
        // Of these an operator may publish the second alone.
        let commands: [(subject: String, payload: [UInt8])] = [
            (record.subject, WireCodec.encode(record)),
            ("cluster.plane_test.drone.drone-1.drain", WireCodec.encode(DrainDrone(drone: id, cluster: .plane, drain: true))),
            ("cluster.plane_test.drone.drone-1.roll_call", WireCodec.encode(RollCallRequest(cluster: .plane, drone: id))),
        ]
        let (heard, carriedOut) = (Recorder<String>(), Recorder<String>())
        let raw = try commands.dropFirst().map { try drone.connection.subscribe($0.subject) }
        let drains = try drone.subscribe(to: DrainDrone.self, on: commands[1].subject)
        let rollCalls = try drone.subscribe(to: RollCallRequest.self, on: commands[2].subject)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for subscription in raw { group.addTask { for await message in subscription { heard.record(message.subject) } } }
            group.addTask {
                await drains.forEach { command in if command.drain { carriedOut.record("drain") } }
            }
            group.addTask {
                await rollCalls.forEach { _ in carriedOut.record("roll call") }
            }
            for (index, command) in commands.enumerated() {
                let line = "cluster.plane_test.drone.drone-1.backend.b-\(index).log"
                try drone.connection.publish(command.payload, to: line)
                try await drone.connection.flush()
                // Schedulers listen in a queue group and on wildcards, to which nats-server 2.9 delivers nothing of a consumer, even one that names the
                // group; what they do with such messages PlaneBusTests has.
                let group = command.subject == record.subject ? #","deliver_group":"scheduler""# : ""
                let consumer =
                    #"{"stream_name":"backend_logs","config":{"deliver_subject":"\#(command.subject)","filter_subject":"\#(line)","ack_policy":"none"\#(group)}}"#
                let answer = try await operatorBus.connection.request(
                    Array(consumer.utf8), to: "$JS.API.CONSUMER.CREATE.backend_logs", timeout: .seconds(60))
                #expect(!String(decoding: answer.payload, as: UTF8.self).contains(#""error""#), "permissions cannot say where it delivers")
            }
            // With the subject under which they are stored.
            try await eventually("they are delivered") {
                Set(heard.all) == ["cluster.plane_test.drone.drone-1.backend.b-1.log", "cluster.plane_test.drone.drone-1.backend.b-2.log"]
            }
            // What the operator may say himself is carried out, after what was delivered before.
            try operatorBus.publish(DrainDrone(drone: id, cluster: .plane, drain: true))
            try await eventually("the operator's own command is carried out") { !carriedOut.all.isEmpty }
            group.cancelAll()
        }
        #expect(carriedOut.all == ["drain"])
        #expect(log.entries.count { $0.message.contains("a stream delivers it") } == 2, "\(log.text)")
        #expect(try await Self.state(server) == before)
        for bus in [drone, operatorBus] { await bus.connection.drain(timeout: .seconds(1)) }
        await scheduler.stop(.terminate)
        await server.server.stop(.kill)
    }

    @Test(
        "whoever may write into streams of the fleet fills none so far that the store is full",
        arguments: ["gateway", "gateway-proxy", "cert-refresher", "drone-1"])
    func fullStreams(user: String) async throws {
        let server = try await GuardedNATS.start(store: "24MB")
        let scheduler = try TestProcess.ours("scheduler", environment: server.environment("scheduler"))
        try await scheduler.line(containing: "scheduler is ready")
        let log = LogRecorder()
        let inboxes = [
            "gateway": "controller.inbox.gateway", "gateway-proxy": "cluster.plane_test.inbox.tier", "cert-refresher": "cluster.plane_test.inbox.refresher",
        ]
        let bus = try await Self.connect(user, to: server, inbox: inboxes[user] ?? "cluster.plane_test.inbox.agent.drone-1", log)
        let subjects: [@Sendable (Int) -> String] =
            switch user {
            case "gateway": [{ "key.\($0)" }, { "token.\($0)" }, { "opened.\($0)" }, { "visited.\($0).x" }]
            case "gateway-proxy": [{ "used.\($0)" }]
            case "cert-refresher": [{ $0.isMultiple(of: 2) ? "certificate.cluster.plane_test.pair" : "certificate.cluster.plane_test.lease" }]
            default: [{ "cluster.plane_test.drone.drone-1.backend.b-\($0).log" }]
            }
        let text = [UInt8](repeating: UInt8(ascii: "x"), count: 64 << 10)
        // Each time more than the whole store.
        for subject in subjects {
            for number in 0..<500 {
                try bus.connection.publish(text, to: subject(number))
                if number.isMultiple(of: 100) { try await bus.connection.flush() }
            }
            try await bus.connection.flush()
        }
        let operatorBus = try await Self.connect("operator", to: server, inbox: "cli.inbox", log)
        let streams = try await operatorBus.connection.jetStream.streams()
        #expect(streams.reduce(0) { $0 + $1.bytes } < 16 << 20, "\(streams)")
        #expect(streams.contains { $0.bytes > 64 << 10 }, "something was stored")
        let refresher = try await Self.connect("cert-refresher", to: server, inbox: "cluster.plane_test.inbox.refresher", log)
        #expect(try await refresher.request(SetAcmeDNSRecord(cluster: .plane, value: "still")), "the state of the fleet takes what is written")
        for bus in [bus, operatorBus, refresher] { await bus.connection.drain(timeout: .seconds(1)) }
        await scheduler.stop(.terminate)
        await server.server.stop(.kill)
    }

    /// What the fleet's stream and the leases hold of this cluster, with their payloads.
    private static func state(_ server: GuardedNATS) async throws -> Set<String> {
        let bus = try await Self.connect("operator", to: server, inbox: "cli.inbox", LogRecorder())
        var lines: Set<String> = []
        let fleet = try await bus.connection.jetStream.orderedConsumer(stream: "plane_state", from: .first)
        for await message in fleet {
            if message.subject != "state.heartbeat" { lines.insert("\(message.subject) \(String(decoding: message.payload, as: UTF8.self))") }
            if message.pending == 0 { break }
        }
        let lease = try await bus.connection.jetStream.lastMessage(stream: "plane_leases", subject: "lease.housekeeping")
        lines.insert("lease \(lease?.payload.count ?? 0)")
        for subject in ["visited.inbox.somebody", "revoked.inbox.all"] {
            if try await bus.connection.jetStream.lastMessage(stream: "plane_tokens", subject: subject) != nil { lines.insert(subject) }
        }
        await bus.connection.drain(timeout: .seconds(1))
        return lines
    }
}
