import JSONValues
import NetworkAddresses
import Testing

@testable import PlaneProtocol

@Suite("What we add to 0.3.24 for gateways and keys, on the wire")
struct ExtensionGoldenTests {
    private static let hash = TokenHash(rawValue: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")
    private static let time = WireTime(seconds: 1_710_148_530)

    private func key(tag: String = "v3") throws -> BackendKey { try #require(BackendKey(namespace: "games", name: "room-7", tag: tag)) }
    private func pool(_ name: String) throws -> PoolName { try #require(PoolName(rawValue: name)) }

    @Test("M1: a request with everything that is ours")
    func scheduleRequest() throws {
        let key = try self.key()
        let executable = DockerExecutableConfig(
            image: "registry.example/app:1.4",
            process: ProcessOverride(
                command: ["/bin/app"], args: ["--port", "8080"], workingDirectory: "/srv", user: "1000:1000", labels: ["team": "games"]),
            dataMount: .key(namespace: "games", name: "room-7"), network: "games")
        let request = ScheduleRequest(
            cluster: Sample.cluster, backendID: "editor-7", maxIdle: BackendTerms.endless, executable: executable, requireBearerToken: true,
            lock: key.lock, key: key, pool: try self.pool("gpu"),
            terms: BackendTerms(
                lifetimeLimit: 3600, hasNoIdleLimit: true, holdIdle: 60, readiness: ReadinessTerms(timeout: 120, path: "/healthz?deep=1", status: 200),
                subdomain: Subdomain(rawValue: "room-7"), staticTokenHash: Self.hash))
        try expectGolden("M01-schedule-request.extended", is: request)
        #expect(request.needsExtensions)
    }

    @Test("M1 and M3: the holder's tag, the address, and what was ignored")
    func replies() throws {
        try expectGolden(
            "M01-schedule-reply.extended",
            is: ScheduleReply.scheduled(
                ScheduledBackend(
                    drone: Sample.drone, backendID: Sample.backend, spawned: false, tag: "v3",
                    url: PublicEndpoint().url(of: Sample.backend, in: Sample.cluster), ignoredKeys: ["lok"], readyInMilliseconds: 231)))
        try expectGolden(
            "M03-fetch-reply.with-tag",
            is: FetchReply.scheduled(
                FetchedBackend(
                    drone: Sample.drone, backendID: Sample.backend, tag: "",
                    url: PublicEndpoint(scheme: .http, port: 8080).url(of: Sample.backend, in: Sample.cluster))))
    }

    @Test("M2: a key without namespace and tag, its fencing token, a directory")
    func spawnRequest() throws {
        let key = try #require(BackendKey(name: "room-7"))
        let request = SpawnRequest(
            cluster: Sample.cluster, droneID: Sample.drone, maxIdle: 300, backendID: Sample.backend,
            executable: DockerExecutableConfig(image: "registry.example/app:1.4", dataMount: .path("shared/data")),
            lockAssignment: LockAssignment(lock: key.lock, uid: Sample.uid), key: key, fencingToken: 1_710_148_530_123,
            terms: BackendTerms(lifetimeLimit: 3600))
        try expectGolden("M02-spawn-request.extended", is: request)
    }

    @Test("M5: a hard end is said, a soft one is not")
    func terminate() throws {
        let request = TerminationRequest(cluster: Sample.cluster, backendID: Sample.backend, kind: .hard)
        try expectGolden("M05-terminate.hard", is: request)
        #expect(throws: MessageError.self) {
            try WireCodec.decode(
                TerminationRequest.self, from: Array(#"{"cluster_id":"plane.test","backend_id":"b","kind":"gentle"}"#.utf8))
        }
    }

    @Test("M6, M7, metadata: a drone's pool, and where its proxy takes what the tier passes on")
    func abilities() throws {
        var request = DroneConnectRequest(
            droneID: Sample.drone, version: "0.4.0", cluster: Sample.cluster, ip: .v4(203 << 24 | 113 << 8 | 7),
            abilities: DroneAbilities(pool: try self.pool("gpu"), innerPort: 9080))
        try expectGolden("ours-register.abilities", is: request)
        request.abilities.pool = .unnamed
        #expect(DroneMetadata(request).abilities.knowsExtensions)
        #expect(!DroneAbilities(innerPort: 9080).knowsExtensions)
        let metadata = StateMessage.cluster(
            Sample.cluster, .drone(DroneMessage(drone: Sample.drone, change: .metadata(DroneMetadata(request)))))
        try expectGolden("ours-drone-metadata.abilities", is: metadata)

        var status = DroneStatusMessage(
            droneID: Sample.drone, cluster: Sample.cluster, droneVersion: "0.4.0", state: .ready, runningBackends: 3)
        status.pool = try self.pool("gpu")
        try expectGolden("M07-drone-status.with-pool", is: status)
    }

    @Test("M7: how soon backends would be ready")
    func starts() throws {
        var status = DroneStatusMessage(
            droneID: Sample.drone, cluster: Sample.cluster, droneVersion: "0.4.0", state: .ready, runningBackends: 3)
        status.pool = .unnamed
        status.starts = DroneStarts(
            images: [
                .init(
                    name: "registry.example/app:1.4", digest: "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    readyMilliseconds: 231, parked: 4, parkedReadyMilliseconds: 38),
                .init(name: "plane-demo:latest"),
            ], readyMilliseconds: 240, pullMilliseconds: 9100, processors: 8)
        try expectGolden("M07-drone-status.with-starts", is: status)
        status.starts = DroneStarts()
        #expect(try WireCodec.decode(DroneStatusMessage.self, from: WireCodec.encode(status)) == status)
    }

    @Test("M14: an assignment with a key and its fencing token")
    func assignment() throws {
        let key = try self.key()
        let assignment = BackendAssignment(
            drone: Sample.drone, lockAssignment: LockAssignment(lock: key.lock, uid: Sample.uid), key: key, fencingToken: 1_710_148_530_123)
        let message = StateMessage.cluster(
            Sample.cluster, .backend(BackendMessage(backend: Sample.backend, change: .assignment(assignment))))
        try expectGolden("M14-assignment-with-key", is: message)
    }

    @Test("M17: a proxy of the tier is there")
    func proxyStatus() throws {
        let message = ProxyStatusMessage(
            proxy: try #require(ProxyID(rawValue: "px-1")), cluster: Sample.cluster, version: "0.4.0", isReady: true)
        try expectGolden("M17-proxy-status.documented", is: message)
        #expect(message.subject == "cluster.plane_test.proxy.px-1.status")
        var full = message
        (full.openRequests, full.stateAge) = (340, 1)
        try expectGolden("M17-proxy-status.full", is: full)
        full.process = 7_003_224_905_812_417
        try expectGolden("M17-proxy-status.process", is: full)
        (full.isReady, full.openRequests, full.stateAge, full.hasEnded) = (false, nil, nil, true)
        try expectGolden("M17-proxy-status.ended", is: full)
    }

    @Test("a roll call tells all that a lost stream is rebuilt from")
    func rollCall() throws {
        let key = try self.key()
        let answer = RollCall(
            metadata: DroneMetadata(ip: .v4(0xCB00_7107), version: "0.4.0", abilities: DroneAbilities(pool: .unnamed)),
            backends: [
                .init(
                    backend: "editor-7", state: .ready, lockAssignment: LockAssignment(lock: key.lock, uid: Sample.uid), key: key,
                    fencingToken: 1_710_148_530_123, subdomain: Subdomain(rawValue: "room-7"), staticTokenHash: Self.hash,
                    ending: BackendEnding(.soft, .external, at: Self.time))
            ], isComplete: true)
        try expectGolden("ours-roll-call.reply-with-key", is: answer)
    }

    @Test("where a key is at home, visitors' tokens, and their revocation")
    func records() throws {
        let home = KeyHome(lock: try self.key().lock, cluster: Sample.cluster, time: WireTime(seconds: 1_710_148_530, nanoseconds: 500_000_000))
        try expectGolden("ours-key-home", is: home)
        #expect(home.subject == "key.\(LockName("k1:5:games:room-7").subjectHash)")

        let hash = try #require(Self.hash)
        let token = TokenRecord(
            backend: "editor-7", cluster: Sample.cluster, user: "u1", auth: .object(["role": "editor"]), secret: "p9Xa", lifetime: 3600,
            issued: Self.time)
        try expectGolden("ours-token", is: token)
        try expectGolden(
            "ours-token.static",
            is: TokenRecord(
                backend: "editor-7", cluster: Sample.cluster, subdomain: Subdomain(rawValue: "room-7"), isStatic: true, issued: Self.time))
        #expect(TokenRecord.subject(of: hash) == "token.\(hash)")
        #expect(TokenHash(digest: (0..<32).map { UInt8($0) }).rawValue == "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")

        try expectGolden("ours-token-use", is: TokenUse(backend: "editor-7", cluster: Sample.cluster))
        #expect(TokenUse.subject(of: hash) == "used.\(hash)")

        try expectGolden("ours-token-revocation", is: TokenRevocation(at: Self.time))
        let subject = TokenRevocation.Scope.visitor("editor-7", user: hash).subject
        #expect(subject == "revoked.editor-7.\(hash)")
        for (scope, subject) in [
            (TokenRevocation.Scope.visitor("editor-7", user: hash), subject), (.backend("editor-7"), "revoked.editor-7.all"),
            (.user(hash), "revoked._user.\(hash)"), (.key(hash), "revoked._key.\(hash)"), (.token(hash), "revoked._token.\(hash)"),
        ] {
            #expect(scope.subject == subject)
            #expect(TokenRevocation.Scope(subject: subject) == scope)
        }
        for other in [
            "revoked.editor-7", "revoked.editor-7.x", "revoked.A.\(hash)", "revoked._other.\(hash)", "revoked._user.all", "token.\(hash)", subject + ".x",
        ] {
            #expect(TokenRevocation.Scope(subject: other) == nil, "\(other)")
        }
        var report = ProxyRevocationReport(proxy: try #require(ProxyID(rawValue: "px-1")), cluster: Sample.cluster, sequence: 7, ended: 3)
        try expectGolden("ours-proxy-revocation-report", is: report)
        report.process = 7_003_224_905_812_417
        try expectGolden("ours-proxy-revocation-report.process", is: report)
        #expect(report.subject == "cluster.\(Sample.cluster.subjectToken).proxy.px-1.revoked")
    }
}
