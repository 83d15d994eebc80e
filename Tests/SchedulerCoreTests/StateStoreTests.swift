import NetworkAddresses
import PlaneProtocol
import PlaneState
import Testing

@testable import SchedulerCore

@Suite("Live fleet") struct StateStoreTests {
    let fleet = StateStore()

    func apply(_ message: StateMessage?, _ sequence: UInt64, second: Int64 = 0, incarnation: UInt64 = 0) {
        self.fleet.apply(message, sequence: sequence, published: WireTime(seconds: 1000 + second), incarnation: incarnation)
    }

    static func lock(_ kind: LockMessage.Kind, uid: UInt64 = 7) -> StateMessage {
        .cluster(TestCluster.name, .lock(LockMessage(lock: .make(), uid: LockUID(rawValue: uid), kind: kind)))
    }

    static func backend(_ change: BackendMessage.Change, _ id: String = "backend-1") -> StateMessage {
        .cluster(TestCluster.name, .backend(BackendMessage(backend: .make(id), change: change)))
    }

    static let assigned = backend(
        .assignment(BackendAssignment(drone: .make(), lockAssignment: LockAssignment(lock: .make(), uid: LockUID(rawValue: 7)))))

    @Test("a sequence that was reached before is not waited for")
    func reached() async {
        self.apply(.heartbeat, 5)
        #expect(await self.fleet.waitUntil(sequence: 5, within: .zero))
    }

    @Test("who waits for a sequence is woken by it, or by a later one, and not by an earlier one", arguments: [5, 6] as [UInt64])
    func awaited(last: UInt64) async {
        async let reached = self.fleet.waitUntil(sequence: 5, within: .seconds(60))
        self.apply(.heartbeat, 4)
        self.apply(.heartbeat, last)
        #expect(await reached)
    }

    @Test("a sequence that does not come is not waited for longer than allowed")
    func late() async {
        #expect(await !self.fleet.waitUntil(sequence: 5, within: .milliseconds(10)))
    }

    @Test("a message that cannot be read counts, so that nobody waits for it")
    func unreadable() async {
        self.apply(nil, 5)
        #expect(await self.fleet.waitUntil(sequence: 5, within: .zero))
    }

    @Test("cancelled while waiting, it comes back")
    func cancelled() async {
        let waiting = Task { await self.fleet.waitUntil(sequence: 5, within: .seconds(600)) }
        waiting.cancel()
        #expect(await !waiting.value)
    }

    @Test("a lock looks free, announced, assigned, held once the drone has spoken, and free again")
    func sights() {
        #expect(self.fleet.lockView(of: .make(), in: TestCluster.name) == .free(lastAnnouncement: 0))
        self.apply(Self.lock(.announce), 3)
        #expect(self.fleet.lockView(of: .make(), in: TestCluster.name) == .announced(at: 3))
        self.apply(Self.assigned, 4)
        #expect(self.fleet.lockView(of: .make(), in: TestCluster.name) == .assigned(.init(backend: .make(), drone: .make())))
        self.apply(Self.backend(.state(.loading, at: StateTime(milliseconds: 1))), 5)
        #expect(self.fleet.lockView(of: .make(), in: TestCluster.name) == .held(.init(backend: .make(), drone: .make())))
        self.apply(Self.backend(.state(.swept, at: StateTime(milliseconds: 1))), 6)
        #expect(self.fleet.lockView(of: .make(), in: TestCluster.name) == .free(lastAnnouncement: 3))
    }

    /// How an announcement ends.
    static let ends: [(StateMessage, second: Int64, LockView)] = [
        (lock(.revoke), 1, .free(lastAnnouncement: 3)),
        (assigned, 1, .assigned(.init(backend: .make(), drone: .make()))),
        (.heartbeat, 30, .free(lastAnnouncement: 3)),
        (lock(.announce, uid: 8), 1, .announced(at: 5)),
    ]

    @Test("who waits for a lock is woken by a revocation, an assignment, its lapse and another announcement", arguments: 0..<4)
    func lockChanges(index: Int) async {
        let (message, second, expected) = Self.ends[index]
        self.apply(Self.lock(.announce), 3)
        async let lockView = self.fleet.waitUntil(
            lock: .make(), in: TestCluster.name, differsFrom: .announced(at: 3), within: .seconds(60))
        self.apply(.heartbeat, 4)
        self.apply(message, 5, second: second)
        #expect(await lockView == expected)
    }

    @Test("the end of the holder wakes who waits for its lock")
    func holderEnds() async {
        self.apply(Self.assigned, 3)
        let held = self.fleet.lockView(of: .make(), in: TestCluster.name)
        async let lockView = self.fleet.waitUntil(lock: .make(), in: TestCluster.name, differsFrom: held, within: .seconds(60))
        self.apply(Self.backend(.state(.failed, at: StateTime(milliseconds: 1))), 4)
        #expect(await lockView == .free(lastAnnouncement: 0))
    }

    @Test("a stream that was deleted and made again starts an empty fleet")
    func newStream() {
        self.apply(Self.assigned, 100)
        self.apply(.heartbeat, 1, incarnation: 1)
        #expect(self.fleet.ask { $0.backend(.make(), in: TestCluster.name) } == nil)
        #expect(self.fleet.ask { $0.sequence } == 1)
    }

    @Test("choices whose assignments went with their stream are settled")
    func choicesOfAnotherStream() {
        self.apply(
            .cluster(TestCluster.name, .drone(DroneMessage(drone: .make(), change: .metadata(DroneMetadata(ip: .v4(1), version: "t"))))), 1)
        let status = DroneStatusMessage(
            droneID: .make(), cluster: TestCluster.name, droneVersion: "t", state: .ready, runningBackends: 0, maxBackends: 1)
        self.fleet.heard(status, at: Self.now)
        #expect(self.fleet.chooseDrone(in: TestCluster.name, excluding: [], now: Self.now) == .make())
        self.fleet.settle(.make(), in: TestCluster.name, at: 1000)
        self.apply(
            .cluster(TestCluster.name, .drone(DroneMessage(drone: .make(), change: .metadata(DroneMetadata(ip: .v4(1), version: "t"))))), 1,
            incarnation: 1)
        #expect(self.fleet.chooseDrone(in: TestCluster.name, excluding: [], now: Self.now) == .make())
    }

    @Test("for a while after the stream was made anew nobody knows which locks are held; an older stream tells it")
    func rebuilding() {
        let fleet = StateStore(rebuildTime: .seconds(3600))
        fleet.began(streamAge: .seconds(3600))
        #expect(fleet.rebuildRemaining == .zero)
        fleet.began(streamAge: .seconds(1800))
        #expect(fleet.rebuildRemaining > .seconds(1700))
        let other = StateStore(rebuildTime: .seconds(3600))
        other.apply(.heartbeat, sequence: 1, published: WireTime(seconds: 1000), incarnation: 1)
        #expect(other.rebuildRemaining > .seconds(3500))
        // The server's clock may be ahead of ours by a year.
        let skewed = StateStore(rebuildTime: .seconds(3600))
        skewed.began(streamAge: .seconds(-366 * 24 * 3600))
        #expect(skewed.rebuildRemaining <= .seconds(3600))
    }

    @Test("a choice counts as load until the fleet has its assignment")
    func settling() {
        for drone in ["drone-a", "drone-b"] {
            self.apply(
                .cluster(TestCluster.name, .drone(DroneMessage(drone: .make(drone), change: .metadata(DroneMetadata(ip: .v4(1), version: "t"))))),
                drone == "drone-a" ? 1 : 2)
            self.fleet.heard(
                DroneStatusMessage(
                    droneID: .make(drone), cluster: TestCluster.name, droneVersion: "t", state: .ready, runningBackends: 0, maxBackends: 1),
                at: Self.now)
        }
        let first = self.fleet.chooseDrone(in: TestCluster.name, excluding: [], now: Self.now)
        let second = self.fleet.chooseDrone(in: TestCluster.name, excluding: [], now: Self.now)
        #expect(Set([first, second]) == [.make("drone-a"), .make("drone-b")])
        #expect(self.fleet.chooseDrone(in: TestCluster.name, excluding: [], now: Self.now) == nil)

        self.fleet.settle(.make("drone-a"), in: TestCluster.name)
        #expect(self.fleet.chooseDrone(in: TestCluster.name, excluding: [], now: Self.now) == .make("drone-a"))
        self.fleet.settle(.make("drone-b"), in: TestCluster.name, at: 5)
        #expect(self.fleet.chooseDrone(in: TestCluster.name, excluding: [], now: Self.now) == nil)
        self.apply(.heartbeat, 5)
        #expect(self.fleet.chooseDrone(in: TestCluster.name, excluding: [], now: Self.now) == .make("drone-b"))
    }

    static let now = StateTime(milliseconds: 1_710_148_530_000)
}
