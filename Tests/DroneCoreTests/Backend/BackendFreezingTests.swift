import DroneStore
import PlaneProtocol
import PlaneTestSupport
import Synchronization
import Testing

@testable import DroneCore

/// Backends that are frozen while there is no traffic, on an engine in memory. The limit is 10 seconds.
@Suite struct BackendFreezingTests {
    private let drone: DroneFixture

    init() throws {
        self.drone = try DroneFixture()
    }

    private func request(idle: WireSeconds = 100_000) -> SpawnRequest {
        var request = SpawnRequest.make(idle: idle)
        request.terms.holdIdle = 10
        return request
    }

    private func running(_ request: SpawnRequest? = nil, _ body: (BackendSupervisor) async throws -> Void) async throws {
        let supervisor = try await self.drone.admit(request ?? self.request())
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await supervisor.run() }
            try await self.drone.wait(for: .ready, of: .make())
            try await body(supervisor)
            group.cancelAll()
        }
    }

    private var isFrozen: Bool { self.drone.engine.containers[.make()]?.isFrozen == true }

    private func waitUntilFrozen() async throws {
        try await eventually("it is frozen") { try self.drone.store.hold(of: .make()) == .frozen && self.isFrozen }
    }

    /// Looks at what was written for frozen backends, as a running agent does all the time.
    private func waitUntilThawed() async throws {
        try await eventually("it is thawed") {
            await self.drone.freezeWatch.poll(at: self.drone.context.time)
            return try self.drone.store.hold(of: .make()) != .frozen && !self.isFrozen
        }
    }

    /// What schedulers are told now that have answered all that was told before.
    private func held() async throws -> [Bool] { try await self.drone.reports().compactMap(\.detail?.isHeld) }

    private func waitUntilTold(_ isHeld: Bool) async throws {
        try await eventually(isHeld ? "it is told that it is frozen" : "it is told that it is thawed") {
            let held = try await self.held()
            guard !held.isEmpty else { return false }
            #expect(held == [isHeld])
            return true
        }
    }

    @Test("without traffic it is frozen and stays Ready, who wants it has it thawed, both are told, and then it begins anew")
    func life() async throws {
        try await self.running { _ in
            for _ in 0..<2 {
                try await self.drone.time.pass(11)
                try await self.waitUntilFrozen()
                try await self.waitUntilTold(true)
                #expect(try await self.drone.state(of: .make()) == .ready)
                try self.drone.store.want(["b-1"], at: self.drone.time.now.seconds)
                try await self.waitUntilThawed()
                try await self.waitUntilTold(false)
            }
        }
        #expect(try await self.held() == [])
    }

    @Test("while no scheduler answers only the last of these reports waits, beside those of its states")
    func nobodyAnswers() async throws {
        try await self.running { _ in
            for _ in 0..<3 {
                try await self.drone.time.pass(11)
                try await self.waitUntilFrozen()
                try self.drone.store.want(["b-1"], at: self.drone.time.now.seconds)
                try await self.waitUntilThawed()
            }
        }
        let reports = try await self.drone.reports()
        #expect(reports.map(\.state) == [.loading, .starting, .ready, .ready])
        #expect(reports.last?.detail?.isHeld == false)
    }

    @Test("a proxy that does not say that it wants it thaws it all the same: by activity, or by what it has open", arguments: [true, false])
    func olderProxy(isByActivity: Bool) async throws {
        try await self.running { _ in
            try await self.drone.time.pass(11)
            try await self.waitUntilFrozen()
            let now = self.drone.time.now.seconds
            // In these two ways the store notes no traffic, as an older proxy does not.
            if isByActivity {
                try self.drone.store.recordActivity(["b-1"], quiet: ["b-1"], at: now + 1)
            } else {
                let open = OpenConnections.Entry(backend: .make(), requests: 1, webSockets: 0)
                try self.drone.store.recordActivity(["another"], open: [open], of: 1, at: now)
            }
            try await self.waitUntilThawed()
        }
    }

    @Test("an open WebSocket with nothing but pings neither keeps it awake nor thaws it")
    func quietWebSocket() async throws {
        let open = [OpenConnections.Entry(backend: .make(), requests: 0, webSockets: 1)]
        try await self.running { _ in
            func ping(_ seconds: Int64) throws {
                try self.drone.store.recordActivity(["b-1"], open: open, quiet: ["b-1"], of: 1, at: self.drone.time.now.seconds + seconds)
            }
            try await self.drone.time.waitForSleeper(11)
            try ping(10)
            try await self.drone.time.pass(11)
            try await self.waitUntilFrozen()
            for second in 1...3 as ClosedRange<Int64> {
                try ping(second)
                await self.drone.freezeWatch.poll(at: self.drone.context.time)
            }
            #expect(self.isFrozen)
            try self.drone.store.recordActivity(["b-1"], open: open, of: 1, at: self.drone.time.now.seconds + 4)
            try await self.waitUntilThawed()
        }
    }

    @Test("it is thawed before it is stopped, so that its program has its grace, whether somebody asks for the end or it was idle", arguments: [true, false])
    func ends(isAsked: Bool) async throws {
        let supervisor = try await self.drone.admit(self.request(idle: 30))
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await supervisor.run() }
            try await self.drone.wait(for: .ready, of: .make())
            try await self.drone.time.pass(11)
            try await self.waitUntilFrozen()
            if isAsked { await supervisor.terminate() } else { try await self.drone.time.pass(20) }
        }  // ends when the supervisor does
        #expect(try await self.drone.state(of: .make()) == (isAsked ? .terminated : .swept))
        let calls = self.drone.engine.calls
        let (thaw, stop) = try (#require(calls.firstIndex(of: .thaw)), #require(calls.firstIndex(of: .stop)))
        #expect(thaw < stop)
        #expect(try await self.held() == [true])
    }

    @Test("an agent that stops thaws what it has frozen, and says so")
    func agentStops() async throws {
        try await self.running { _ in
            try await self.drone.time.pass(11)
            try await self.waitUntilFrozen()
            try await self.waitUntilTold(true)
        }
        #expect(!self.isFrozen)
        #expect(try self.drone.store.hold(of: .make()) == .awake)
        #expect(try await self.held() == [false])
    }

    @Test("an agent that stops tries again where the engine fails to thaw it at first")
    func farewell() async throws {
        let supervisor = try await self.drone.admit(self.request())
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await supervisor.run() }
            try await self.drone.wait(for: .ready, of: .make())
            try await self.drone.time.pass(11)
            try await self.waitUntilFrozen()
            try await self.waitUntilTold(true)
            self.drone.engine.fail(.thaw, with: BackendEngineError(.unavailable, "no"))
            group.cancelAll()
            try await self.drone.time.waitForSleeper(1)
            #expect(self.isFrozen)
            #expect(try self.drone.store.hold(of: .make()) == .frozen)
            self.drone.engine.fail(.thaw, with: nil)
            try await self.drone.time.pass(1)
        }
        #expect(!self.isFrozen)
        #expect(try self.drone.store.hold(of: .make()) == .awake)
        #expect(try await self.held() == [false])
    }

    /// As an agent that was killed leaves it.
    private func leaveFrozen() async throws {
        try await self.running { _ in }
        self.drone.time.set(by: 100)
        #expect(try await self.drone.store.freezeIfQuiet(.make(), limit: 10, at: self.drone.time.now.seconds) != .notReady)
        try await self.drone.engine.freeze(ContainerHandle(of: .make()))
        #expect(self.isFrozen)
    }

    @Test("the agent after one that was killed keeps it frozen, and thaws it for whoever has wanted it meanwhile")
    func agentKilled() async throws {
        try await self.leaveFrozen()
        try self.drone.store.want(["b-1"], at: self.drone.time.now.seconds)
        let registry = BackendRegistry(context: self.drone.context)
        try await registry.resume()
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await registry.run() }
            try await eventually("it is frozen once more, which is harmless") { self.drone.engine.calls.filter { $0 == .freeze }.count == 2 }
            try await self.waitUntilThawed()
            group.cancelAll()
        }
    }

    @Test("an agent that is not to freeze it any more thaws it")
    func agentKilledAndReconfigured() async throws {
        try await self.leaveFrozen()
        var record = try #require(try await self.drone.store.backend(.make()))
        record.spec.terms.holdIdle = nil
        let registry = BackendRegistry(context: self.drone.context)
        await registry.takeOn(record)
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await registry.run() }
            try await self.waitUntilThawed()
            try await eventually("nothing is left of it") { try self.drone.store.hold(of: .make()) == .never }
            group.cancelAll()
        }
    }

    @Test("one that is killed while it thaws it leaves that to the next")
    func agentKilledWhileItThaws() async throws {
        try await self.leaveFrozen()
        var record = try #require(try await self.drone.store.backend(.make()))
        record.spec.terms.holdIdle = nil
        self.drone.engine.hold(.thaw)
        let registry = BackendRegistry(context: self.drone.context)
        await registry.takeOn(record)
        let before = self.drone.engine.calls.count { $0 == .thaw }
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await registry.run() }
            try await eventually("it is being thawed") { self.drone.engine.calls.count { $0 == .thaw } > before }
            #expect(try self.drone.store.hold(of: .make()) == .frozen, "what an agent finds that comes now")
            self.drone.engine.release(.thaw)
            try await eventually("nothing is left of it") { try self.drone.store.hold(of: .make()) == .never }
            group.cancelAll()
        }
    }

    @Test("an engine that does not freeze it leaves it awake, and is asked again a minute later")
    func engineFails() async throws {
        self.drone.engine.fail(.freeze, with: BackendEngineError(.unavailable, "no"))
        try await self.running { _ in
            try await self.drone.time.pass(11)
            try await self.drone.time.waitForSleeper(60)
            #expect(try self.drone.store.hold(of: .make()) == .awake)
            #expect(self.drone.engine.calls.contains(.thaw))
            self.drone.engine.fail(.freeze, with: nil)
            try await self.drone.time.pass(60)
            try await self.waitUntilFrozen()
        }
    }

    @Test("while an operator's program runs in it, it is thawed and not frozen")
    func operators() async throws {
        try await self.running { _ in
            try await self.drone.time.pass(11)
            try await self.waitUntilFrozen()
            self.drone.freezeWatch.beginUse(of: .make())
            try await self.waitUntilThawed()
            try await self.drone.time.pass(5)
            try await self.drone.time.waitForSleeper(5)
            #expect(!self.isFrozen)
            self.drone.freezeWatch.endUse(of: .make())
            self.drone.time.set(by: 100)
            try await self.drone.time.pass(5)
            try await self.waitUntilFrozen()
        }
    }

    @Test("who wants one is noticed because it was written, by whichever process, and not by looking all the time")
    func notices() async throws {
        try await self.running { _ in }
        let other = try DroneStore.openBlocking(path: self.drone.directory.file("drone.sqlite3"))
        // It looks by itself after an hour.
        let freezeWatch = FreezeWatch(store: self.drone.store, pause: .seconds(3600)) { [store = self.drone.store] in store.watchWrites($0) }
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await freezeWatch.run(AgentTime()) }
            for _ in 0..<3 {
                self.drone.time.set(by: 100)
                #expect(try await self.drone.store.freezeIfQuiet(.make(), limit: 10, at: self.drone.time.now.seconds) != .notReady)
                async let wanted: Void = freezeWatch.waitUntilWanted(.make(), lastActive: self.drone.time.now.seconds)
                try other.want(["b-1"], at: self.drone.time.now.seconds)
                await wanted
                try await self.drone.store.noteThawed(.make(), at: self.drone.time.now.seconds)
            }
            group.cancelAll()
        }
    }

    @Test("what can be read only a moment after the kernel has told of it is noticed, too")
    func noticesLateWrites() async throws {
        try await self.running { _ in }
        self.drone.time.set(by: 100)
        #expect(try await self.drone.store.freezeIfQuiet(.make(), limit: 10, at: self.drone.time.now.seconds) != .notReady)
        let other = try DroneStore.openBlocking(path: self.drone.directory.file("drone.sqlite3"))
        let tell = Mutex<(@Sendable () -> Void)?>(nil)
        // The test alone tells of writes, and otherwise this looks after an hour.
        let freezeWatch = FreezeWatch(store: self.drone.store, pause: .seconds(3600)) { [store = self.drone.store] written in
            tell.withLock { $0 = written }
            return store.watchWrites {}
        }
        let rests = Mutex(0)
        var time = AgentTime()
        time.sleep = { [clock = self.drone.time] duration in
            guard duration < .seconds(1) else { return try await clock.wait(duration) }
            let rest = rests.withLock { rests in
                rests += 1
                return rests
            }
            switch rest {
            case 1: tell.withLock { $0 }?()
            // After the look that this led to.
            case 2: try other.want(["b-1"], at: clock.now.seconds)
            default: break
            }
        }
        let noticed = Recorder<Bool>()
        let (clock, lastActive) = (time, self.drone.time.now.seconds)
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await freezeWatch.run(clock) }
            group.addTask {
                await freezeWatch.waitUntilWanted(.make(), lastActive: lastActive)
                noticed.record(!Task.isCancelled)
            }
            try await eventually("it is noticed") { noticed.all == [true] }
            group.cancelAll()
        }
    }

    @Test("the drone's own limit is for requests that name none")
    func configured() async throws {
        var context = self.drone.context
        context.limits.holdIdle = .seconds(7)
        #expect(BackendSupervisor(self.request(), from: .admitted, acceptedAt: nil, in: context).holdLimit == .seconds(10))
        #expect(BackendSupervisor(.make(), from: .admitted, acceptedAt: nil, in: context).holdLimit == .seconds(7))
        #expect(BackendSupervisor(.make(), from: .admitted, acceptedAt: nil, in: self.drone.context).holdLimit == nil)
    }
}
