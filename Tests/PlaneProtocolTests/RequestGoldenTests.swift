import NetworkAddresses
import Testing

@testable import PlaneProtocol

@Suite("Requests and their replies on the wire")
struct RequestGoldenTests {
    let fullExecutable = DockerExecutableConfig(
        image: "registry.example/app:1.4", env: ["LOG": "debug"],
        credentials: .usernamePassword(username: "ci", password: "pw"),
        resourceLimits: ResourceLimits(
            cpuPeriodMicroseconds: 100_000, cpuPeriodPercent: 50, cpuTimeLimitSeconds: 600, memoryLimitBytes: 268_435_456),
        port: 8080, volumeMounts: ["/srv/data:/data"])

    @Test("M1: a schedule request")
    func scheduleRequest() throws {
        let documented = ScheduleRequest(
            cluster: Sample.cluster, maxIdle: 300, metadata: ["user": "u-17"], executable: self.fullExecutable, requireBearerToken: true,
            lock: "doc-42")
        try expectGolden("M01-schedule-request.documented", is: documented)
        #expect(documented.subject == "cluster.plane_test.schedule")

        let smallest = ScheduleRequest(
            cluster: Sample.cluster, maxIdle: 30, executable: DockerExecutableConfig(image: "registry.example/app"))
        try expectReadable("M01-schedule-request.smallest", as: smallest)
        try expectGolden("M01-schedule-request.smallest-written", is: smallest)
        var ignored = smallest
        ignored.ignoredKeys = ["priority", "tags", "executable.platform", "executable.resource_limits.gpus"]
        try expectReadable("M01-schedule-request.unknown-keys", as: ignored)
    }

    @Test("M1: every field at its limit, and text that needs escapes")
    func fullScheduleRequest() throws {
        let executable = DockerExecutableConfig(
            image: "registry.example/app@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            env: ["EMPTY": "", "QUOTED": "a \"b\" \\ c\n\t\u{1}"], credentials: .identityToken("t"),
            resourceLimits: ResourceLimits(
                cpuPeriodMicroseconds: .max, cpuPeriodPercent: 255, cpuTimeLimitSeconds: 0, memoryLimitBytes: .max, diskLimitBytes: -1),
            pullPolicy: .always, port: 65_535, volumeMounts: ["/a:/b:ro", "data:/c"])
        let request = ScheduleRequest(
            cluster: Sample.cluster, backendID: "editor-7", maxIdle: WireSeconds(rawValue: .max), metadata: ["a": "1", "b": "zwei ✓"],
            executable: executable, lock: "ü")
        try expectGolden("M01-schedule-request.full", is: request)
    }

    @Test("M1: what a schedule request is answered")
    func scheduleReply() throws {
        var backend = ScheduledBackend(
            drone: Sample.drone, backendID: Sample.backend, bearerToken: "q7Zk2mYt0aRwX9bLcV4nP1sDfGhJ3e", spawned: true)
        try expectGolden("M01-schedule-reply.scheduled", is: ScheduleReply.scheduled(backend))
        backend.bearerToken = nil
        backend.spawned = false
        try expectGolden("M01-schedule-reply.holder", is: ScheduleReply.scheduled(backend))
        try expectReadable("M01-schedule-reply.null-token", as: ScheduleReply.scheduled(backend))
        backend.isEnding = true
        try expectGolden("M01-schedule-reply.ending-holder", is: ScheduleReply.scheduled(backend))
        try expectGolden("M01-schedule-reply.no-drone", is: ScheduleReply.noDroneAvailable)
        let error = ErrorReply(code: .badRequest, message: "executable.image: expected a string, found a number")
        try expectGolden("M01-schedule-reply.error", is: ScheduleReply.error(error))
        try expectGolden("M01-schedule-reply.error", is: error)
    }

    @Test("ours: a roll call, and what a drone says to it")
    func rollCall() throws {
        let request = RollCallRequest(cluster: Sample.cluster, drone: Sample.drone, after: Sample.backend)
        try expectGolden("ours-roll-call.request", is: request)
        #expect(request.subject == "cluster.plane_test.drone.drone-a.roll_call")
        let answer = RollCall(
            metadata: DroneMetadata(ip: .v4(0xCB00_7107), version: "0.3.24"),
            backends: [
                .init(
                    backend: Sample.backend, state: .ready, bearerToken: "q7Zk2mYt0aRwX9bLcV4nP1sDfGhJ3e",
                    lockAssignment: LockAssignment(lock: "doc-42", uid: Sample.uid)),
                .init(backend: "editor-7", state: .loading),
            ], isComplete: false)
        try expectGolden("ours-roll-call.reply", is: answer)
    }

    @Test("ours: what is open to a drone's backends")
    func openConnections() throws {
        let request = OpenConnectionsRequest(cluster: Sample.cluster, drone: Sample.drone, after: Sample.backend)
        try expectGolden("ours-open-connections.request", is: request)
        #expect(request.subject == "cluster.plane_test.drone.drone-a.open_connections")
        let answer = OpenConnections(
            backends: [
                .init(backend: Sample.backend, requests: 2, webSockets: 31), .init(backend: "editor-7", requests: 0, webSockets: 1),
            ], isComplete: false)
        try expectGolden("ours-open-connections.reply", is: answer)
        try expectGolden(
            "ours-open-connections.engine.request", is: OpenConnectionsRequest(cluster: Sample.cluster, drone: Sample.drone, asksEngine: true))
        var asked = OpenConnections(backends: [], isComplete: true)
        asked.engine = .answered
        try expectGolden("ours-open-connections.engine.reply", is: asked)
        asked.engine = .failed(reason: "no answer within 3 s")
        asked.time = WireTime(seconds: 1_710_148_530, nanoseconds: 123_456_789)
        try expectGolden("ours-open-connections.engine-failed.reply", is: asked)
        try expectGolden(
            "ours-open-connections.images.request",
            is: OpenConnectionsRequest(cluster: Sample.cluster, drone: Sample.drone, images: ["plane-demo", "registry.example/app:1.4"]))
        var looked = OpenConnections(backends: [], isComplete: true)
        looked.missingImages = ["plane-demo"]
        try expectGolden("ours-open-connections.images.reply", is: looked)
    }

    @Test("M2: a spawn request")
    func spawnRequest() throws {
        var request = SpawnRequest(
            cluster: Sample.cluster, droneID: Sample.drone, maxIdle: 300, backendID: Sample.backend,
            executable: DockerExecutableConfig(image: "registry.example/app:1.4"))
        try expectGolden("M02-spawn-request.documented", is: request)
        try expectReadable("M02-spawn-request.smallest", as: request)
        #expect(request.subject == "cluster.plane_test.drone.drone-a.spawn")

        request.metadata = ["user": "u-17"]
        request.executable = self.fullExecutable
        request.executable.resourceLimits.diskLimitBytes = 1 << 30
        request.executable.pullPolicy = .never
        request.executable.port = 3000
        request.bearerToken = "q7Zk2mYt0aRwX9bLcV4nP1sDfGhJ3e"
        try expectGolden("M02-spawn-request.full", is: request)

        request.lockAssignment = LockAssignment(lock: "doc-42", uid: Sample.uid)
        try expectGolden("M02-spawn-request.with-lock", is: request)
    }

    @Test("M3: fetching the holder of a lock")
    func fetch() throws {
        let request = FetchBackendForLock(cluster: Sample.cluster, lock: "doc-42")
        try expectGolden("M03-fetch.documented", is: request)
        #expect(request.subject == "cluster.plane_test.fetch")

        var backend = FetchedBackend(drone: Sample.drone, backendID: Sample.backend)
        try expectGolden("M03-fetch-reply.scheduled", is: FetchReply.scheduled(backend))
        backend.bearerToken = "t"
        try expectGolden("M03-fetch-reply.with-token", is: FetchReply.scheduled(backend))
        backend.isEnding = true
        try expectGolden("M03-fetch-reply.ending", is: FetchReply.scheduled(backend))
        try expectGolden("M03-fetch-reply.none", is: FetchReply.noBackendForLock)
        try expectGolden(
            "M03-fetch-reply.error",
            is: FetchReply.error(ErrorReply(code: .unavailable, message: "the stream plane_state cannot be read")))
    }

    @Test("M4: draining a drone and taking that back")
    func drain() throws {
        let request = DrainDrone(drone: Sample.drone, cluster: Sample.cluster, drain: true)
        try expectGolden("M04-drain.documented", is: request)
        try expectGolden("M04-drain.cancel", is: DrainDrone(drone: Sample.drone, cluster: Sample.cluster, drain: false))
        #expect(request.subject == "cluster.plane_test.drone.drone-a.drain")
    }

    @Test("M5: terminating a backend")
    func terminate() throws {
        let request = TerminationRequest(cluster: Sample.cluster, backendID: Sample.backend)
        try expectGolden("M05-terminate.documented", is: request)
        #expect(request.subject == "cluster.plane_test.backend.0b7f6c1e-50c4-4a0e-9d55-6f2f4f3f2a10.terminate")
        #expect(TerminationRequest.subscription(cluster: Sample.cluster) == "cluster.plane_test.backend.*.terminate")
    }

    @Test("M6: registering a drone")
    func register() throws {
        var request = DroneConnectRequest(
            droneID: Sample.drone, version: "0.3.24", cluster: Sample.cluster, ip: .v4(203 << 24 | 113 << 8 | 7))
        try expectGolden("M06-register.documented", is: request)
        #expect(request.subject == "cluster.plane_test.drone.register")
        request.version = nil
        try expectReadable("M06-register.before-versions", as: request)
        #expect(DroneMetadata(request).version == "missing_drone_version")
        let full = DroneConnectRequest(
            droneID: Sample.drone, version: "0.4.0", gitHash: "2fd4e1c", cluster: Sample.cluster,
            ip: .v6(high: 0x2001_0db8 << 32, low: 7))
        try expectGolden("M06-register.full", is: full)
    }

    @Test("what we add to M6: how visitors reach the drone")
    func registerEndpoint() throws {
        let request = DroneConnectRequest(
            droneID: Sample.drone, version: "0.4.0", cluster: Sample.cluster, ip: .v4(203 << 24 | 113 << 8 | 7),
            endpoint: PublicEndpoint(scheme: .http, port: 8080))
        try expectGolden("ours-register.endpoint", is: request)
        #expect(DroneMetadata(request).endpoint == request.endpoint)
    }

    @Test("M8: reporting a backend's state, with our detail and without")
    func updateState() throws {
        var update = UpdateBackendStateMessage(
            cluster: Sample.cluster, state: .starting, backend: Sample.backend,
            time: WireTime(seconds: 1_710_148_530, nanoseconds: 123_456_789), drone: Sample.drone)
        try expectGolden("M08-update-state.documented", is: update)
        #expect(update.subject == "cluster.plane_test.backend.0b7f6c1e-50c4-4a0e-9d55-6f2f4f3f2a10.status")
        try expectReadable("M08-update-state.other-offset", as: update)

        update.state = .ready
        update.detail = BackendStatusDetail(
            phases: SpawnPhases(scheduled: -850, accepted: 0, pulled: 120, created: 6300, started: 204_000, ready: 205_100))
        try expectGolden("M08-update-state.ready-with-phases", is: update)

        update.detail = BackendStatusDetail(
            requestedBy: "bob@bastion", ending: BackendEnding(.soft, .external, at: WireTime(seconds: 1_710_148_530)))
        try expectGolden("M08-update-state.ending", is: update)

        update.state = .failed
        update.detail = BackendStatusDetail(cause: .outOfMemory, exitCode: 137, message: "killed for using more than 256 MiB")
        try expectGolden("M08-update-state.failed-with-cause", is: update)

        update.detail = BackendStatusDetail(cause: BackendCause(rawValue: "StruckByLightning"))
        try expectGolden("M08-update-state.unknown-cause", is: update)
    }

    @Test("M12: setting the text of a DNS challenge")
    func setAcme() throws {
        let request = SetAcmeDNSRecord(cluster: Sample.cluster, value: "gfj9Xq0Rg85nM3pQ7vB2tYw6LsKzDhJcUeAoNiPxTrE")
        try expectGolden("M12-set-acme.documented", is: request)
        #expect(request.subject == "cluster.plane_test.set_acme_record")
    }

    @Test("a unit reply is the four bytes null and nothing else", arguments: ["", "{}", "true", "\"\"", "[]", "0", "nul"])
    func unitReply(other: String) throws {
        #expect(WireCodec.encode(UnitReply()) == Array("null".utf8))
        #expect(try WireCodec.decodeReply(to: DrainDrone.self, from: Array("null".utf8)) == UnitReply())
        #expect(throws: ReplyError.self) { try WireCodec.decodeReply(to: DrainDrone.self, from: Array(other.utf8)) }
    }

    @Test("a boolean reply is true or false and nothing else", arguments: ["1", "\"true\"", "null", "{}", "True", ""])
    func booleanReply(other: String) throws {
        #expect(try WireCodec.decodeReply(to: SpawnRequest.self, from: Array("true".utf8)))
        #expect(try !WireCodec.decodeReply(to: SpawnRequest.self, from: Array(" false\n".utf8)))
        #expect(throws: ReplyError.self) { try WireCodec.decodeReply(to: SpawnRequest.self, from: Array(other.utf8)) }
    }

    @Test("an error reply is thrown, except where the reply has a case for it")
    func errorReply() throws {
        let error = ErrorReply(code: .draining, message: "drone-a is being drained")
        let payload = WireCodec.encode(error)
        #expect(throws: ReplyError.refused(error)) { try WireCodec.decodeReply(to: SpawnRequest.self, from: payload) }
        #expect(throws: ReplyError.refused(error)) { try WireCodec.decodeReply(to: UpdateBackendStateMessage.self, from: payload) }
        #expect(try WireCodec.decodeReply(to: ScheduleRequest.self, from: payload) == .error(error))
        #expect(try WireCodec.decodeReply(to: FetchBackendForLock.self, from: payload) == .error(error))
    }
}
