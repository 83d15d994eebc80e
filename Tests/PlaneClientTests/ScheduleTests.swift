import NATS
import PlaneClient
import PlaneClientTestSupport
import PlaneMessaging
import PlaneProtocol
import SchedulerCoreConfiguration
import PlaneTestSupport
import Testing

@Suite("Scheduling, with a real scheduler", .timeLimit(.minutes(10))) struct ScheduleTests {
    private static func request(
        id: BackendID? = nil, lock: String? = nil, token: Bool = false
    ) throws -> ScheduleRequest {
        ScheduleRequest(
            cluster: try .make("plane.test"), backendID: id, maxIdle: 10, metadata: [:],
            executable: DockerExecutableConfig(image: "app"), requireBearerToken: token, lock: lock.flatMap { LockName(rawValue: $0) })
    }

    /// As often as a test needs, for short answers.
    private static let patient = ScheduleRetry(answerLimit: .seconds(2), pauses: [.zero, .zero, .zero])

    @Test("a backend is scheduled, found by its lock, and found again by the next who asks for that")
    func scheduled() async throws {
        try await withRealScheduler { client in
            try await WillingDrone.run(of: client) { drone in
                let backend = try await client.schedule(try Self.request(lock: "doc"))
                #expect(backend.spawned)
                #expect(backend.drone == drone.id)
                let lock = try #require(LockName(rawValue: "doc"))
                #expect(try await client.holder(of: lock, in: .make("plane.test"))?.backendID == backend.backendID)
                let again = try await client.schedule(try Self.request(lock: "doc"))
                #expect(!again.spawned)
                #expect(again.backendID == backend.backendID)
                #expect(await client.publicEndpoint(of: drone.id, in: try .make("plane.test")) == PublicEndpoint())
            }
        }
    }

    @Test(
        "an attempt whose answer is lost is found again, and its backend was spawned by this call",
        arguments: [(nil, false), ("doc", false), (nil, true)] as [(String?, Bool)])
    func lostAnswer(lock: String?, token: Bool) async throws {
        try await withRealScheduler { client in
            try await WillingDrone.run(of: client, holdsAnswers: true) { drone in
                let backend = try await client.schedule(try Self.request(lock: lock, token: token), retry: Self.patient)
                #expect(backend.spawned)
                #expect(backend.drone == drone.id)
                #expect((backend.bearerToken != nil) == token)
                #expect(Set(drone.requests) == [backend.backendID])
                drone.answer()
            }
        }
    }

    @Test(
        "a lost answer that is not asked for again, or had the only copy of a token, is told as what may have happened all the same",
        arguments: [(false, [Duration]()), (true, [.zero])])
    func silence(token: Bool, pauses: [Duration]) async throws {
        var configuration = SchedulerConfiguration()
        // Tokens stand where only schedulers may read.
        configuration.acceptsLegacyPeers = false
        try await withRealScheduler(configuration) { client in
            try await WillingDrone.run(of: client, holdsAnswers: true) { drone in
                let request = try Self.request(token: token)
                let thrown = await failure { () async throws(PlaneError) in
                    _ = try await client.schedule(request, retry: ScheduleRetry(answerLimit: .milliseconds(400), pauses: pauses))
                }
                guard case .notAnswered(_, by: .scheduler)? = thrown else { Issue.record("\(String(describing: thrown))"); return }
                #expect(thrown?.mayHaveTakenEffect == true)
                drone.answer()
            }
        }
    }

    @Test("an id that another call has used is refused, and not asked for again")
    func usedID() async throws {
        try await withRealScheduler { client in
            try await WillingDrone.run(of: client) { drone in
                let request = try Self.request(id: .make("b1"))
                _ = try await client.schedule(request)
                let thrown = await failure { () async throws(PlaneError) in _ = try await client.schedule(request) }
                guard case .refused(let reply)? = thrown else { Issue.record("\(String(describing: thrown))"); return }
                #expect(reply.code == .backendExists)
                #expect(thrown?.fault == .request)
                #expect(drone.requests.count == 1)
            }
        }
    }

    private static let full = ErrorReply(code: .unavailable, message: "the drone could not store the request")

    @Test("what a drone could not carry out is asked for again under another id, since no id is given twice", arguments: [nil, "doc"])
    func refusedOnce(lock: String?) async throws {
        try await withRealScheduler { client in
            try await WillingDrone.run(of: client, refusing: [Self.full, Self.full]) { drone in
                let backend = try await client.schedule(try Self.request(lock: lock), retry: ScheduleRetry(pauses: [.zero, .zero]))
                #expect(backend.spawned)
                #expect(Set(drone.requests).count == 3)
                #expect(drone.requests.last == backend.backendID)
            }
        }
    }

    @Test("where the id is the caller's the reason is told, and not that the attempt itself has used the id")
    func refusedID() async throws {
        try await withRealScheduler { client in
            try await WillingDrone.run(of: client, refusing: [Self.full]) { drone in
                let request = try Self.request(id: .make("b1"))
                let thrown = await failure { () async throws(PlaneError) in
                    _ = try await client.schedule(request, retry: ScheduleRetry(pauses: [.zero]))
                }
                guard case .refused(let reply)? = thrown else { Issue.record("\(String(describing: thrown))"); return }
                #expect(reply.code == .unavailable)
                #expect(reply.message == Self.full.message)
            }
        }
    }

    @Test("what a backend was last is known, too, when the public feed has forgotten it")
    func forgotten() async throws {
        try await withRealScheduler { client in
            try await WillingDrone.run(of: client) { drone in
                let backend = try await client.schedule(try Self.request()).backendID
                let cluster = try ClusterName.make("plane.test")
                try await eventually("its state is told and stored") {
                    let kept = try await client.keptHistory(of: backend, in: cluster).messages.last
                    let told = try await client.newestState(of: backend)
                    return kept?.state == .loading && told?.state == .loading
                }
                _ = try await client.bus.connection.jetStream.purge(
                    stream: "backend_status", subject: BackendStateMessage.subject(backend: backend))
                #expect(try await client.newestState(of: backend) == nil)
                #expect(try await client.currentState(of: backend, in: cluster)?.state == .loading)
            }
        }
    }

    @Test("no drone is an error that says so, at once")
    func noDrone() async throws {
        try await withRealScheduler { client in
            let request = try Self.request()
            let thrown = await failure { () async throws(PlaneError) in
                _ = try await client.schedule(request, retry: ScheduleRetry(pauses: [.seconds(600)]))
            }
            guard case .noDroneAvailable(let cluster, _)? = thrown else { Issue.record("\(String(describing: thrown))"); return }
            #expect(cluster.rawValue == "plane.test")
            #expect(thrown?.isRetryable == true && thrown?.fault == .system)
        }
    }

    @Test("a scheduler that appears between two attempts serves the second")
    func noScheduler() async throws {
        try await withNATSServer { server in
            let client = try await client(on: server)
            let request = try Self.request()
            let nobody = await failure { () async throws(PlaneError) in _ = try await client.schedule(request, retry: .none) }
            #expect(nobody?.isRetryable == true && nobody?.mayHaveTakenEffect == false)
            let pauses = [Duration](repeating: .milliseconds(50), count: 200)
            async let scheduled = client.schedule(request, retry: ScheduleRetry(pauses: pauses))
            let scheduler = try await FakeScheduler(server)
            scheduler.answer { _ in [] }
            #expect(try await scheduled.drone.rawValue == "drone-a")
            await scheduler.stop()
            await client.bus.connection.drain(timeout: .seconds(2))
        }
    }

    @Test("a cancelled call ends at once, whoever is silent")
    func cancelled() async throws {
        try await withNATSServer { server in
            let client = try await client(on: server)
            let deaf = try client.bus.connection.subscribe(ScheduleRequest.subscription)
            let request = try Self.request()
            let call = Task { await failure { () async throws(PlaneError) in _ = try await client.schedule(request) } }
            var requests = deaf.makeAsyncIterator()
            _ = await requests.next()
            call.cancel()
            guard case .cancelled? = await call.value else { Issue.record("not cancelled"); return }
            await client.bus.connection.drain(timeout: .seconds(2))
        }
    }
}
