import DroneStore
import Logging
import NATS
import NetworkAddresses
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneTestSupport
import Synchronization
import Testing

@testable import DroneCore

@Suite struct DroneAgentTests {
    @Test("it registers and says that it is ready and empty")
    func registers() async throws {
        let fixture = try await AgentFixture()
        let endpoint = PublicEndpoint(scheme: .http, port: 8080)
        try await fixture.withScheduler {
            try await fixture.withAgent(change: { $0.endpoint = endpoint }) {
                try await eventually("a status came") { !fixture.statuses.all.isEmpty }
            }
        }
        let registration = try #require(fixture.registrations.all.first)
        #expect(registration.droneID == .make())
        #expect(registration.ip == .v4(0x7F00_0001))
        #expect(registration.endpoint == endpoint)
        let status = try #require(fixture.statuses.all.first)
        #expect(status.state == .ready)
        #expect(status.ready)
        #expect(status.runningBackends == 0)
    }

    @Test("a spawn request is answered when the proxy knows the name, and its states are told in order")
    func spawn() async throws {
        let fixture = try await AgentFixture()
        try await fixture.withScheduler {
            try await fixture.withAgent {
                #expect(try await fixture.spawn(fixture.request()))
                #expect(try fixture.store.route("b-1") != nil)
                try await fixture.wait(for: .ready, of: .make())
            }
        }
        #expect(fixture.states(of: .make()) == [.loading, .starting, .ready])
    }

    @Test("a request that is sent again is answered true again, and runs nothing twice")
    func repeatedSpawn() async throws {
        let engine = FakeEngine()
        let fixture = try await AgentFixture(engine: engine)
        try await fixture.withScheduler {
            try await fixture.withAgent {
                #expect(try await fixture.spawn(fixture.request()))
                try await fixture.wait(for: .ready, of: .make())
                #expect(try await fixture.spawn(fixture.request()))
            }
        }
        #expect(engine.calls.filter { $0 == .create }.count == 1)
    }

    @Test("A9: another request for a live id is refused, and the first goes on")
    func duplicateID() async throws {
        let fixture = try await AgentFixture()
        try await fixture.withScheduler {
            try await fixture.withAgent {
                #expect(try await fixture.spawn(fixture.request()))
                try await fixture.wait(for: .ready, of: .make())
                #expect(try await fixture.refusal(fixture.request(idle: 9))?.code == .backendExists)
                #expect(try fixture.store.route("b-1")?.state == .ready)
            }
        }
        #expect(fixture.states(of: .make()) == [.loading, .starting, .ready])
    }

    @Test("A10: volume mounts that the operator does not allow are refused before anything is entered", arguments: [false, true])
    func volumeMounts(isAllowed: Bool) async throws {
        let fixture = try await AgentFixture()
        var request = fixture.request()
        request.executable.volumeMounts = ["/srv:/data"]
        try await fixture.withAgent(change: { $0.allowsVolumeMounts = isAllowed }) {
            let refusal = try await fixture.refusal(request)
            #expect(refusal?.code == (isAllowed ? nil : .notPermitted))
            #expect(isAllowed || refusal?.message.contains("allow_volume_mounts") == true)
        }
        let route = try fixture.store.route("b-1")
        #expect((route != nil) == isAllowed)
    }

    @Test("A10: a full drone refuses")
    func full() async throws {
        let fixture = try await AgentFixture()
        try await fixture.withAgent(change: { $0.maxBackends = 1 }) {
            let isTaken = try await fixture.spawn(fixture.request(.make("a")))
            #expect(isTaken)
            let refusal = try await fixture.refusal(fixture.request(.make("b")))
            #expect(refusal?.code == .full)
        }
    }

    @Test("who does not know the header beside a refusal reads what 0.3.24 reads: the five bytes false")
    func refusalForOldSchedulers() async throws {
        let fixture = try await AgentFixture()
        try await fixture.withAgent(change: { $0.maxBackends = 0 }) {
            #expect(try await fixture.spawn(fixture.request()) == false)
            let request = fixture.request()
            let answer = try await fixture.bus.connection.request(WireCodec.encode(request), to: request.subject)
            #expect(answer.payload == Array("false".utf8))
            #expect(answer.headers[ErrorReply.headerName].flatMap { ErrorReply(headerValue: $0) }?.code == .full)

            // A client that has not asked for headers gets none from the server.
            let plain = try await LoopbackConnection.whenListening(port: fixture.server.port)
            try await plain.send("CONNECT {\"verbose\":false,\"headers\":false}\r\nSUB _INBOX.answers 1\r\n")
            try await plain.send("PUB \(request.subject) _INBOX.answers \(WireCodec.encode(request).count)\r\n")
            try await plain.send(String(decoding: WireCodec.encode(request), as: UTF8.self) + "\r\n")
            let answered = try await plain.receive { String(decoding: $0, as: UTF8.self).contains("false\r\n") }
            #expect(String(decoding: answered, as: UTF8.self).contains("\r\nMSG _INBOX.answers 1 5\r\nfalse\r\n"))
        }
    }

    @Test(
        "strings that no container can be given are refused, with the variable's name and without its value",
        arguments: [
            ("A", "b\0c"), ("", "x"), ("A=B", "x"), ("A\0", "x"), ("A", String(repeating: "s", count: 131_072)),
        ])
    func impossibleVariables(name: String, value: String) async throws {
        let fixture = try await AgentFixture()
        var request = fixture.request()
        request.executable.env = [name: Secret(value)]
        try await fixture.withAgent {
            let refusal = try #require(try await fixture.refusal(request))
            #expect(refusal.code == .badRequest)
            #expect(refusal.message.hasPrefix("executable.env."))
            #expect(value == "x" || !refusal.message.contains(value))
        }
        #expect(try fixture.store.route("b-1") == nil)
    }

    @Test("images that the operator does not allow are refused", arguments: [("ghcr.io/acme/*", false), ("docker.io/library/demo:*", true)])
    func images(pattern: String, isAllowed: Bool) async throws {
        let fixture = try await AgentFixture()
        try await fixture.withAgent(change: { $0.images = ImageAllowance([pattern]) }) {
            let refusal = try await fixture.refusal(fixture.request())
            #expect(refusal?.code == (isAllowed ? nil : .notPermitted))
            #expect(isAllowed || refusal?.message.contains("agent.images") == true)
        }
    }

    @Test("a report that nobody answers holds up those of its own backend only")
    func unansweredReport() async throws {
        let fixture = try await AgentFixture()
        let silenced = BackendID.make("silenced")
        try await fixture.withScheduler(silentAbout: [silenced]) {
            try await fixture.withAgent {
                #expect(try await fixture.spawn(fixture.request(silenced)))
                try await eventually("its first report is under way") { fixture.states(of: silenced) == [.loading] }
                for id in ["a", "b", "c"] {
                    #expect(try await fixture.spawn(fixture.request(.make(id))))
                    try await fixture.wait(for: .ready, of: .make(id))
                }
                // A dispatcher that waits for whole batches asks about this one with each of the nine reports of the others.
                #expect(fixture.states(of: silenced).count < 9)
            }
        }
        #expect(Set(fixture.states(of: silenced)) == [.loading], "the next report follows an answer")
    }

    @Test("an agent that begins and is asked to end warns of nothing, and says once that it is ready")
    func quietEnd() async throws {
        let recorder = LogRecorder()
        let fixture = try await AgentFixture()
        try await fixture.withScheduler {
            try await fixture.withAgent(logger: recorder.logger) {
                #expect(try await fixture.spawn(fixture.request()))
                try await fixture.wait(for: .ready, of: .make())
            }
        }
        let warnings = recorder.entries.filter { $0.level >= .warning }
        #expect(warnings.isEmpty, "\(warnings)")
        #expect(recorder.entries.count { $0.message == "drone-agent is ready" } == 1)
    }

    @Test("whoever asks for the engine too is told what it said, and who does not ask has nothing of it")
    func engineAnswer() async throws {
        let fixture = try await AgentFixture()
        try await fixture.withScheduler {
            try await fixture.withAgent(change: { $0.asksEngine = { .failed(reason: "no answer within 3 s") } }) {
                try await eventually("it said Ready") { fixture.statuses.all.last?.state == .ready }
                let plain = try await fixture.bus.request(OpenConnectionsRequest(cluster: .make(), drone: .make()))
                #expect(plain.engine == nil)
                let asked = try await fixture.bus.request(OpenConnectionsRequest(cluster: .make(), drone: .make(), asksEngine: true))
                #expect(asked.engine == .failed(reason: "no answer within 3 s"))
                #expect(plain.time == nil && asked.time != nil)
            }
        }
    }

    @Test("whoever asks about images is told which are not there, as the engine says it at that moment")
    func missingImages() async throws {
        let fixture = try await AgentFixture()
        let names = Mutex(["plane-demo:latest"])
        try await fixture.withScheduler {
            try await fixture.withAgent(change: {
                $0.listsImages = { () async throws(BackendEngineError) in names.withLock { $0.map { DroneStarts.Image(name: $0) } } }
            }) {
                try await eventually("it said Ready") { fixture.statuses.all.last?.state == .ready }
                func missing(_ images: [String]) async throws -> [String]? {
                    try await fixture.bus.request(OpenConnectionsRequest(cluster: .make(), drone: .make(), images: images)).missingImages
                }
                #expect(try await missing([]) == nil)
                #expect(try await missing(["plane-demo", "app:1"]) == ["app:1"])
                names.withLock { $0 = ["app:1"] }
                #expect(try await missing(["plane-demo", "app:1"]) == ["plane-demo"])
            }
        }
    }

    @Test("an agent that cannot list images says nothing of them")
    func unknownImages() async throws {
        let fixture = try await AgentFixture()
        try await fixture.withScheduler {
            try await fixture.withAgent {
                try await eventually("it said Ready") { fixture.statuses.all.last?.state == .ready }
                let request = OpenConnectionsRequest(cluster: .make(), drone: .make(), images: ["plane-demo"])
                #expect(try await fixture.bus.request(request).missingImages == nil)
            }
        }
    }

    @Test("A11: draining is said at once, refuses new backends, keeps the others, survives a restart and can be undone")
    func draining() async throws {
        let fixture = try await AgentFixture()
        func drain(_ drain: Bool) async throws {
            _ = try await fixture.bus.request(DrainDrone(drone: .make(), cluster: .make(), drain: drain))
        }
        try await fixture.withScheduler {
            try await fixture.withAgent {
                #expect(try await fixture.spawn(fixture.request()))
                try await eventually("it said Ready") { fixture.statuses.all.last?.state == .ready }
                // Again and again, until it was said sooner than a drone speaks anyway.
                try await eventually("it said Draining at once") {
                    try await drain(false)
                    try await eventually("it said Ready") { fixture.statuses.all.last?.state == .ready }
                    let asked = ContinuousClock.now
                    try await drain(true)
                    try await eventually("it said Draining") { fixture.statuses.all.last?.state == .draining }
                    return ContinuousClock.now - asked < .seconds(3)
                }
                #expect(fixture.statuses.all.last?.ready == false)
                #expect(try await fixture.spawn(fixture.request(.make("other"))) == false)
                #expect(try await fixture.spawn(fixture.request()), "what was taken before is still known")
                try await fixture.wait(for: .ready, of: .make())
            }
            try await fixture.withAgent {
                try await eventually("it says Draining again") { fixture.registrations.all.count == 2 }
                #expect(try await fixture.spawn(fixture.request(.make("other"))) == false)
                try await drain(false)
                #expect(try await fixture.spawn(fixture.request(.make("other"))))
            }
        }
    }

    @Test("A11: a draining drone is Drained when its last backend has ended, still after a restart, and Ready when that is undone")
    func drained() async throws {
        let fixture = try await AgentFixture()
        func drain(_ drain: Bool) async throws {
            _ = try await fixture.bus.request(DrainDrone(drone: .make(), cluster: .make(), drain: drain))
        }
        try await fixture.withScheduler {
            try await fixture.withAgent {
                #expect(try await fixture.spawn(fixture.request()))
                try await fixture.wait(for: .ready, of: .make())
                try await drain(true)
                try await eventually("it said Draining") { fixture.statuses.all.last?.state == .draining }
                #expect(fixture.statuses.all.last?.runningBackends == 1)
                _ = try await fixture.bus.request(TerminationRequest(cluster: .make(), backendID: .make()))
                try await eventually("it said Drained") { fixture.statuses.all.last?.state == .drained }
                #expect(fixture.statuses.all.last?.runningBackends == 0)
            }
            let before = fixture.statuses.all.count
            try await fixture.withAgent {
                try await eventually("it speaks again") { fixture.statuses.all.count > before }
                #expect(fixture.statuses.all.dropFirst(before).first?.state == .drained)
                try await drain(false)
                try await eventually("it said Ready") { fixture.statuses.all.last?.state == .ready }
            }
        }
    }

    @Test("asked by roll call, it tells what it runs, with tokens and locks, and nothing that has ended; in parts if there is much")
    func rollCall() async throws {
        let fixture = try await AgentFixture()
        let lock = LockAssignment(lock: LockName(rawValue: "doc-42")!, uid: LockUID(rawValue: .max))
        try await fixture.withScheduler {
            try await fixture.withAgent {
                var request = fixture.request(.make("b-2"))
                request.bearerToken = Secret("token")
                request.lockAssignment = lock
                #expect(try await fixture.spawn(request))
                #expect(try await fixture.spawn(fixture.request(.make("b-1"))))
                #expect(try await fixture.spawn(fixture.request(.make("b-3"))))
                for id in ["b-1", "b-2"] { try await fixture.wait(for: .ready, of: .make(id)) }
                _ = try await fixture.bus.request(TerminationRequest(cluster: .make(), backendID: .make("b-3")))
                try await fixture.wait(for: .terminated, of: .make("b-3"))
                try await eventually("it registered") { !fixture.registrations.all.isEmpty }

                let all = try await fixture.bus.request(RollCallRequest(cluster: .make(), drone: .make()))
                #expect(all.metadata.ip == .v4(0x7F00_0001))
                #expect(all.isComplete)
                #expect(
                    all.backends == [
                        .init(backend: .make("b-1"), state: .ready),
                        .init(backend: .make("b-2"), state: .ready, bearerToken: Secret("token"), lockAssignment: lock),
                    ])
                let rest = try await fixture.bus.request(RollCallRequest(cluster: .make(), drone: .make(), after: .make("b-1")))
                #expect(rest.backends.map(\.backend) == [.make("b-2")])
            }
        }
    }

    @Test("an answer to a roll call fits a message, whatever locks the backends hold")
    func longLocks() async throws {
        let fixture = try await AgentFixture()
        let ids = (10..<100).map { BackendID.make("b-\($0)") }
        try await fixture.withScheduler {
            try await fixture.withAgent {
                for (number, id) in ids.enumerated() {
                    var request = fixture.request(id)
                    let lock = String(repeating: "\u{1}", count: 2000) + "\(number)"
                    request.lockAssignment = LockAssignment(lock: try #require(LockName(rawValue: lock)), uid: LockUID(rawValue: .max))
                    #expect(try await fixture.spawn(request))
                }
                try await eventually("it registered") { !fixture.registrations.all.isEmpty }
                var told: [BackendID] = []
                for _ in 0..<10 {
                    let part = try await fixture.bus.request(RollCallRequest(cluster: .make(), drone: .make(), after: told.last))
                    told += part.backends.map(\.backend)
                    if part.isComplete { break }
                }
                #expect(told == ids)
            }
        }
    }

    @Test("asked what is open to its backends, it tells what the proxy wrote down")
    func openConnections() async throws {
        let fixture = try await AgentFixture()
        try await fixture.withScheduler {
            try await fixture.withAgent {
                try await eventually("it registered") { !fixture.registrations.all.isEmpty }
                let entry = OpenConnections.Entry(backend: .make("b-1"), requests: 2, webSockets: 3)
                try fixture.store.recordActivity(["b-1"], open: [entry], of: 1, at: WireTime.now().seconds)
                let all = try await fixture.bus.request(OpenConnectionsRequest(cluster: .make(), drone: .make()))
                #expect(all == OpenConnections(backends: [entry], isComplete: true))
                let rest = try await fixture.bus.request(OpenConnectionsRequest(cluster: .make(), drone: .make(), after: .make("b-1")))
                #expect(rest.backends.isEmpty)
            }
        }
    }

    @Test("A12: the owner answers a termination once it is stored that the end has begun; others stay silent")
    func termination() async throws {
        let fixture = try await AgentFixture()
        try await fixture.withScheduler {
            try await fixture.withAgent {
                #expect(try await fixture.spawn(fixture.request()))
                try await fixture.wait(for: .ready, of: .make())
                _ = try await fixture.bus.request(TerminationRequest(cluster: .make(), backendID: .make()))
                #expect(try fixture.store.route("b-1")?.state == .terminated)
                _ = try await fixture.bus.request(TerminationRequest(cluster: .make(), backendID: .make()))  // as asked already
                await #expect(throws: BusRequestError.self) {
                    let elsewhere = TerminationRequest(cluster: .make(), backendID: .make("elsewhere"))
                    _ = try await fixture.bus.request(elsewhere, timeout: .milliseconds(300))
                }
                try await fixture.wait(for: .terminated, of: .make())
            }
        }
        #expect(fixture.states(of: .make()) == [.loading, .starting, .ready, .ready, .terminated])
    }

    @Test("A1: with no scheduler anywhere backends start, serve and end; the states are told in order when one appears")
    func withoutScheduler() async throws {
        let fixture = try await AgentFixture()
        try await fixture.withAgent {
            #expect(try await fixture.spawn(fixture.request()))
            try await eventually("it is ready") { try fixture.store.route("b-1")?.state == .ready }
            _ = try await fixture.bus.request(TerminationRequest(cluster: .make(), backendID: .make()))
            try await eventually("its container is gone") { try await fixture.engine.inspect(ContainerHandle(of: .make())) == .absent }
            try await fixture.withScheduler { try await fixture.wait(for: .terminated, of: .make()) }
        }
        #expect(fixture.states(of: .make()) == [.loading, .starting, .ready, .ready, .terminated])
        let times = fixture.reports.all.map(\.time)
        #expect(times == times.sorted())
    }

    @Test("A27: after a restart another drone id goes on with the backends, and nothing is reported twice")
    func restart() async throws {
        let engine = FakeEngine()
        let fixture = try await AgentFixture(engine: engine)
        try await fixture.withScheduler {
            try await fixture.withAgent {
                #expect(try await fixture.spawn(fixture.request()))
                try await fixture.wait(for: .ready, of: .make())
            }
            #expect(engine.containers[.make()]?.process == .running, "the container outlives its agent")
            try await fixture.withAgent(.make("drone-b")) {
                try await eventually("it registered") { fixture.registrations.all.count == 2 }
                _ = try await fixture.bus.request(TerminationRequest(cluster: .make(), backendID: .make()))
                try await fixture.wait(for: .terminated, of: .make())
            }
        }
        #expect(fixture.states(of: .make()) == [.loading, .starting, .ready, .ready, .terminated])
        #expect(fixture.reports.all.last?.drone == .make("drone-b"))
    }

    @Test("A2: requests that cannot be read or have no reply subject disturb nobody")
    func oddRequests() async throws {
        let fixture = try await AgentFixture()
        let subject = SpawnRequest.subject(cluster: .make(), drone: .make())
        try await fixture.withScheduler {
            try await fixture.withAgent {
                #expect(try await fixture.spawn(fixture.request(.make("first"))))
                try fixture.bus.connection.publish(Array("not json".utf8), to: subject)
                try fixture.bus.connection.publish(WireCodec.encode(fixture.request(.make("silent"))), to: subject)
                try await fixture.wait(for: .ready, of: .make("silent"))
                try await fixture.wait(for: .ready, of: .make("first"))
            }
        }
    }

    @Test("logs are published as they are printed")
    func logs() async throws {
        let engine = FakeEngine()
        let fixture = try await AgentFixture(engine: engine)
        try await fixture.withScheduler {
            try await fixture.withAgent {
                #expect(try await fixture.spawn(fixture.request()))
                try await fixture.wait(for: .ready, of: .make())
                engine.say("hello\n", in: .make())
                engine.end(.make(), code: 2)
                try await fixture.wait(for: .failed, of: .make())
                try await eventually("the last line came") { fixture.logs.all.contains { $0.kind == .meta } }
            }
        }
        #expect(fixture.logs.all.map(\.text) == ["hello\n", "Backend exit code: 2"])
    }

    @Test("who asked is told with 256 bytes, so that the report fits a message, whatever they call themselves")
    func longRequester() async throws {
        let engine = FakeEngine()
        let fixture = try await AgentFixture(engine: engine)
        let name = String(repeating: "ü", count: 400_000)
        try await fixture.withScheduler {
            try await fixture.withAgent {
                var request = fixture.request()
                request.metadata[ScheduleRequest.requestedByKey] = name
                #expect(try await fixture.spawn(request))
                try await fixture.wait(for: .ready, of: .make())
                _ = try await fixture.bus.request(TerminationRequest(cluster: .make(), backendID: .make(), requestedBy: name))
                try await fixture.wait(for: .terminated, of: .make())
            }
        }
        let told = fixture.reports.all.compactMap { $0.detail?.requestedBy }
        #expect(told.count >= 2 && told.allSatisfy { $0 == String(repeating: "ü", count: 128) })
    }

    @Test("where readers of 0.3.24 are not served, logs are published on a subject that names the drone, and on no other")
    func ownLogs() async throws {
        let engine = FakeEngine()
        let fixture = try await AgentFixture(engine: engine)
        let lines = try fixture.bus.connection.subscribe("cluster.*.drone.*.backend.*.log")
        try await fixture.withScheduler {
            try await fixture.withAgent(change: { $0.servesLegacyReaders = false }) {
                #expect(try await fixture.spawn(fixture.request()))
                try await fixture.wait(for: .ready, of: .make())
                engine.say("hello\n", in: .make())
                engine.end(.make(), code: 2)
                try await fixture.wait(for: .failed, of: .make())
            }
        }
        var subjects: [String] = []
        for await message in lines {
            subjects.append(message.subject)
            if subjects.count == 2 { break }
        }
        let subject = "cluster.\(ClusterName.make().subjectToken).drone.\(DroneID.make()).backend.\(BackendID.make()).log"
        #expect(subjects == [subject, subject])
        #expect(fixture.logs.all.isEmpty)
    }

    @Test("an agent that has had no NATS from its start looks after its backends: what has ended is removed, what was begun to end is ended")
    func withoutNATS() async throws {
        let engine = FakeEngine()
        let fixture = try await AgentFixture(engine: engine)
        let (ended, ending) = (BackendID.make("ended"), BackendID.make("ending"))
        for (backend, process) in [(ended, FakeEngine.Container.Process.exited(0)), (ending, .running)] {
            #expect(try await fixture.store.admit(fixture.request(backend), acceptedAt: 1, report: []) == .admitted)
            engine.state.withLock { $0.containers[backend] = .init(image: "demo", process: process, drone: .make()) }
        }
        #expect(try await fixture.store.record(BackendTransition(ended, to: .terminated, at: 1)))
        let record = BackendEndingRecord(BackendEnding(.soft, .external, at: WireTime(seconds: 1)), to: .terminated, cause: .requested)
        #expect(try await fixture.store.beginEnding(of: ending, record) { _, _ in [] } == record)

        let nowhere = NATSOptions(servers: ["nats://127.0.0.1:\(try freeLoopbackPort())"])
        let connection = NATSConnection.unopened(nowhere, logger: AgentFixture.logger)
        try await fixture.withAgent(bus: PlaneBus(connection: connection, logger: AgentFixture.logger)) {
            try await eventually("nothing of them is left") { engine.containers.isEmpty }
        }
        #expect(try await fixture.store.backend(ending)?.state == .terminated)
        #expect(try await fixture.store.waitingReportCount() > 0, "the reports wait")
    }
}
