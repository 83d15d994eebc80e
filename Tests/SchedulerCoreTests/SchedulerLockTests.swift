import NATS
import PlaneMessaging
import PlaneProtocol
import PlaneService
import PlaneState
import PlaneTestSupport
import SchedulerCore
import Testing
import UTCTime

/// On a real nats-server, with drones that are subscriptions.
@Suite("Scheduler and locks") struct SchedulerLockTests {
    @Test("the same lock twice gives the same backend, and only the first request starts it")
    func twice() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster) { drone in
                let first = try await cluster.spawned(.make(lock: .make()))
                let second = try await cluster.spawned(.make(lock: .make()))
                #expect(first.spawned && !second.spawned)
                #expect(second.backendID == first.backendID && second.drone == drone.id)
                #expect(drone.spawned.count == 1)
            }
        }
    }

    @Test(
        "W1, W2: of many requests at once for one lock exactly one starts a backend, and all are told of it",
        arguments: [(schedulers: 1, drones: 1), (schedulers: 3, drones: 2)])
    func atOnce(schedulers: Int, drones: Int) async throws {
        try await TestCluster.run(schedulers: schedulers) { cluster in
            try await FakeDrone.run("drone-a", in: cluster) { a in
                try await FakeDrone.run(drones > 1 ? "drone-b" : "drone-a2", in: cluster, state: drones > 1 ? .ready : .draining) { b in
                    for round in 0..<5 {
                        let lock = LockName.make("doc-\(round)")
                        let backends = try await withThrowingTaskGroup(of: ScheduledBackend.self) { group in
                            for _ in 0..<20 { group.addTask { try await cluster.spawnedInTheEnd(.make(lock: lock)) } }
                            return try await group.reduce(into: []) { $0.append($1) }
                        }
                        #expect(backends.filter(\.spawned).count == 1)
                        #expect(Set(backends.map(\.backendID)).count == 1)
                    }
                    #expect(a.spawned.count + b.spawned.count == 5)
                }
            }
            // A losing announcement is never stored, so whoever reads the stream later agrees.
            let late = StateStore()
            for message in try await cluster.stream() {
                late.apply(
                    try WireCodec.decode(from: message.payload, subject: message.subject), sequence: message.sequence,
                    published: WireTime(seconds: message.published.seconds))
            }
            for round in 0..<5 {
                let lock = LockName.make("doc-\(round)")
                #expect(late.lockView(of: lock, in: TestCluster.name) == cluster.fleet.lockView(of: lock, in: TestCluster.name))
            }
        }
    }

    @Test("W3: a lock used before leads to its new backend, not to the dead one")
    func usedBefore() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster) { _ in
                let first = try await cluster.spawned(.make(lock: .make()))
                try await cluster.report(.swept, first.backendID)
                try await cluster.waitForState("the lock is free") { fleet in
                    if case .free = fleet.lockView(of: .make(), in: TestCluster.name) { true } else { false }
                }
                let (left, right) = try await (cluster.spawned(.make(lock: .make())), cluster.spawned(.make(lock: .make())))
                #expect(left.backendID == right.backendID)
                #expect(left.backendID != first.backendID)
            }
        }
    }

    @Test("a backend that is being ended holds its lock: whoever asks waits, and is told so, or gets a new one once it has ended")
    func endingHolder() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster) { drone in
                let first = try await cluster.spawned(.make(lock: .make()))
                try await cluster.report(.ready, first.backendID)
                let ending = BackendEnding(.soft, .external, at: .now())
                try await cluster.report(.ready, first.backendID, detail: BackendStatusDetail(ending: ending))
                try await cluster.waitForState("its end has begun") { fleet in
                    fleet.ask { $0.backend(first.backendID, in: TestCluster.name)?.isEnding == true }
                }
                let told = try await cluster.spawned(.make(lock: .make()))
                #expect(told.backendID == first.backendID)
                #expect(!told.spawned && told.isEnding)
                let fetched = try await cluster.bus.request(FetchBackendForLock(cluster: TestCluster.name, lock: .make()))
                #expect(fetched == .scheduled(FetchedBackend(drone: drone.id, backendID: first.backendID, isEnding: true, url: first.url)))
                #expect(drone.spawned.count == 1)

                // The public feed has it too, although the state is one that was told before.
                let feed = try await cluster.stream("backend_status").map {
                    try WireCodec.decode(BackendStateMessage.self, from: $0.payload)
                }
                #expect(feed.map(\.state).filter { $0 != .loading } == [.ready, .ready])
                #expect(feed.last?.detail?.ending == ending)

                async let second = cluster.spawned(.make(lock: .make()))
                try await cluster.report(.terminated, first.backendID)
                let next = try await second
                #expect(next.spawned && !next.isEnding)
                #expect(next.backendID != first.backendID)
            }
        }
    }

    @Test("W4: a request that fails gives the lock back at once")
    func failureRevokes() async throws {
        try await TestCluster.run { cluster in
            #expect(try await cluster.schedule(.make(lock: .make())) == .noDroneAvailable)
            try await FakeDrone.run(in: cluster, answers: [.refuse, .accept]) { _ in
                #expect(try await cluster.schedule(.make(lock: .make())) == .noDroneAvailable)
                let backend = try await cluster.spawned(.make(lock: .make()))
                #expect(backend.spawned)
            }
        }
    }

    @Test("W4: whoever waits for a lock that somebody else has announced gets an answer, even if it is not given back")
    func boundedWait() async throws {
        try await TestCluster.run { cluster in
            let announcement = LockMessage(lock: .make(), uid: LockUID(rawValue: 7), kind: .announce)
            try await StateWriter(jetStream: cluster.bus.connection.jetStream).write(.cluster(TestCluster.name, .lock(announcement)))
            try await cluster.waitForState("the announcement") { fleet in
                if case .announced = fleet.lockView(of: .make(), in: TestCluster.name) { true } else { false }
            }
            let reply = try await cluster.schedule(.make(lock: .make()))
            guard case .error(let error) = reply else {
                Issue.record("\(reply)")
                return
            }
            #expect(error.code == .lockBusy)
            let fetched = try await cluster.bus.request(FetchBackendForLock(cluster: TestCluster.name, lock: .make()))
            guard case .error(let busy) = fetched else {
                Issue.record("\(fetched)")
                return
            }
            #expect(busy.code == .lockBusy)
        }
    }

    @Test("W5: a backend that dies at once does not keep its lock")
    func diesAtOnce() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster) { _ in
                let first = try await cluster.spawned(.make(lock: .make()))
                // The assignment stands before the report of the end, so that older readers too free the lock.
                try await cluster.report(.errorLoading, first.backendID)
                let subjects = try await cluster.stream().map(\.subject)
                let assignment = try #require(subjects.firstIndex { $0.contains("backend.\(first.backendID).assignment.lock.") })
                let end = try #require(subjects.firstIndex(of: "state.cluster.plane_test.backend.\(first.backendID).state.ErrorLoading"))
                #expect(assignment < end)
                try await cluster.waitForState("the lock is free") { fleet in
                    if case .free = fleet.lockView(of: .make(), in: TestCluster.name) { true } else { false }
                }
                let second = try await cluster.spawned(.make(lock: .make()))
                #expect(second.spawned)
            }
        }
    }

    @Test("fetch returns the holder, and S3: says so if there is none, in an unknown cluster too")
    func fetch() async throws {
        try await TestCluster.run { cluster in
            let nobody = try await cluster.bus.request(
                FetchBackendForLock(cluster: ClusterName(rawValue: "other.test")!, lock: .make()))
            #expect(nobody == .noBackendForLock)
            try await FakeDrone.run(in: cluster) { drone in
                let backend = try await cluster.spawned(.make(lock: .make(), token: true))
                let fetched = try await cluster.bus.request(FetchBackendForLock(cluster: TestCluster.name, lock: .make()))
                #expect(
                    fetched
                        == .scheduled(
                            FetchedBackend(
                                drone: drone.id, backendID: backend.backendID, bearerToken: backend.bearerToken, url: backend.url)))
            }
        }
    }

    @Test("the second request for a lock gets the holder's token, whatever it asked for")
    func token() async throws {
        try await TestCluster.run { cluster in
            try await FakeDrone.run(in: cluster) { _ in
                let first = try await cluster.spawned(.make(lock: .make(), token: true))
                let second = try await cluster.spawned(.make(lock: .make()))
                #expect(second.bearerToken == first.bearerToken)
                #expect(second.bearerToken != nil)
            }
        }
    }

    @Test("S15: a lock that is too long is refused")
    func tooLong() async throws {
        try await TestCluster.run { cluster in
            let body = #"{"cluster":"plane.test","lock":"\#(String(repeating: "x", count: 2049))"}"#
            let answer = try await cluster.bus.connection.request(Array(body.utf8), to: "cluster.plane_test.fetch")
            #expect(String(decoding: answer.payload, as: UTF8.self).contains("expected a lock of at most 2048 bytes, found 2049 bytes"))
        }
    }
}
