import NATS
import PlaneClient
import PlaneClientTestSupport
import PlaneProtocol
import PlaneService
import PlaneState
import PlaneTestSupport
import Testing

@Suite("The mirror of the state, on a real NATS", .timeLimit(.minutes(10))) struct StateMirrorTests {
    /// Runs `body` while the mirror follows.
    private func following(
        _ mirror: StateMirror = StateMirror(),
        _ body: @escaping @Sendable (StateMirror, PlaneClient, FakeScheduler) async throws -> Void
    ) async throws {
        try await withClient { client, scheduler in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await client.mirrorState(into: mirror) }
                await mirror.waitUntilCaughtUp()
                try await body(mirror, client, scheduler)
                group.cancelAll()
            }
        }
    }

    @Test("answers from memory what a reader reads, and hears what is new")
    func followed() async throws {
        try await self.following { mirror, client, scheduler in
            #expect(mirror.isCaughtUp)
            #expect(mirror.silence == nil)
            try await scheduler.write(drone: "drone-a", backends: ["b1": .ready])
            let cluster = try ClusterName.make("plane.test")
            let state = await mirror.wait(for: try .make("b1"), in: cluster) { $0?.state }
            #expect(state == .ready)
            let read = try await client.readState()
            #expect(mirror.ask { $0.backends(in: cluster) } == read.backends(in: cluster))
            #expect(read.drones(in: cluster).map(\.id.rawValue) == ["drone-a"])
            #expect(mirror.silence != nil)
        }
    }

    @Test("all backends are looked at in portions, each once")
    func portions() async throws {
        let mirror = StateMirror()
        let (cluster, drone) = (try ClusterName.make("plane.test"), try DroneID.make("drone-a"))
        for number in 1...2500 {
            let change = BackendMessage.Change.assignment(BackendAssignment(drone: drone))
            mirror.apply(
                .cluster(cluster, .backend(BackendMessage(backend: try .make("b\(number)"), change: change))), sequence: UInt64(number), published: .now(),
                incarnation: 1)
        }
        var (ids, largest): ([BackendID], Int) = ([], 0)
        mirror.visitBackends(in: cluster) { views in
            // Others may ask meanwhile.
            #expect(mirror.ask { $0.backend(views[0].id, in: cluster) } == views[0])
            ids += views.map(\.id)
            largest = max(largest, views.count)
        }
        #expect(ids.count == 2500 && Set(ids).count == 2500 && largest < 2500)
        mirror.visitBackends(in: try .make("other.test")) { _ in Issue.record("a cluster without backends") }
    }

    @Test("wakes whoever waits for a backend or a lock, many at once, and nobody else")
    func waits() async throws {
        try await self.following { mirror, _, scheduler in
            let cluster = try ClusterName.make("plane.test")
            let lock = try #require(LockName(rawValue: "doc"))
            let others = Task { await mirror.wait(for: try .make("b2"), in: cluster) { $0?.state } }
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<100 {
                    group.addTask { await mirror.wait(for: try .make("b1"), in: cluster) { $0?.state == .ready ? true : nil } ?? false }
                    group.addTask { await mirror.wait(for: lock, in: cluster) { if case .held = $0 { true } else { nil } } ?? false }
                }
                let assignment = BackendAssignment(
                    drone: try .make("drone-a"), lockAssignment: LockAssignment(lock: lock, uid: LockUID(rawValue: 7)))
                for change in [BackendMessage.Change.assignment(assignment), .state(.ready, at: .now())] {
                    try await scheduler.write(.cluster(cluster, .backend(BackendMessage(backend: try .make("b1"), change: change))))
                }
                for try await isWoken in group { #expect(isWoken) }
            }
            others.cancel()
            #expect(try await others.value == nil)
        }
    }

    @Test("forgets what is purged, and everything when the stream is made anew")
    func purged() async throws {
        try await self.following { mirror, client, scheduler in
            let cluster = try ClusterName.make("plane.test")
            try await scheduler.write(drone: "drone-a", backends: ["b1": .swept, "b2": .ready])
            _ = await mirror.wait(for: try .make("b1"), in: cluster) { $0?.state }
            _ = await mirror.wait(for: try .make("b2"), in: cluster) { $0?.state }
            let plan = CleanupPlan(
                fleet: mirror.snapshot, cluster: nil, olderThan: .zero, includeMissingState: false,
                now: StateTime.now().adding(.seconds(1)))
            #expect(plan.items.map(\.backend.rawValue) == ["b1"])
            for item in plan.items { try await client.forget(item) }
            let isForgotten = await mirror.wait(for: try .make("b1"), in: cluster) { $0 == nil ? true : nil }
            #expect(isForgotten == true)
            let other = try BackendID.make("b2")
            #expect(mirror.ask { $0.backend(other, in: cluster)?.state } == .ready)
            try await scheduler.remakeStateStream()
            try await scheduler.write(drone: "drone-a", backends: ["b3": .ready])
            let known = await mirror.wait(for: try .make("b3"), in: cluster) { $0?.state }
            #expect(known == .ready)
            #expect(mirror.ask { $0.backend(other, in: cluster) } == nil)
        }
    }

    @Test("gives its observer the state from the moment on at which all there was is known")
    func observer() async throws {
        try await withClient { client, scheduler in
            try await scheduler.write(drone: "drone-a", backends: ["b1": .loading])
            let seen = Recorder<[BackendState?]>()
            let cluster = try ClusterName.make("plane.test")
            let mirror = StateMirror { fleet in seen.record(fleet.backends(in: cluster).map(\.state)) }
            let following = Task { await failure { () async throws(PlaneError) in try await client.followState(into: mirror) } }
            try await eventually("it is caught up") { !seen.all.isEmpty }
            #expect(seen.all == [[.loading]])
            try await scheduler.write(
                .cluster(cluster, .backend(BackendMessage(backend: try .make("b1"), change: .state(.starting, at: .now())))))
            try await eventually("the change is seen") { seen.all.count == 2 }
            #expect(seen.all.last == [.starting])
            following.cancel()
            #expect(await following.value == nil)
        }
    }

    @Test("tells how far a scheduler's clock is from that of NATS")
    func clocks() async throws {
        try await self.following { mirror, _, scheduler in
            let stamp = StateTime.now().adding(.seconds(40))
            try await scheduler.write(
                .cluster(try .make("plane.test"), .drone(DroneMessage(drone: try .make("drone-a"), change: .keepAlive(at: stamp)))))
            try await eventually("the difference is known") { mirror.schedulerClockDifference.map { $0 > .seconds(30) } ?? false }
        }
    }
}
