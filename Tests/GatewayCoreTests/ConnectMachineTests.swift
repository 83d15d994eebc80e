import GatewayCore
import PlaneProtocol
import Testing

/// The decision table of dev/docs/gateway.md, row by row, as conversations.
@Suite struct ConnectMachineTests {
    private let key: BackendKey
    private let (first, second): (ClusterName, ClusterName)
    private let holder: KeyHolder

    init() throws {
        self.key = try #require(BackendKey(namespace: "games", name: "room-7", tag: "v3"))
        self.first = try #require(ClusterName(rawValue: "c1.test"))
        self.second = try #require(ClusterName(rawValue: "c2.test"))
        self.holder = KeyHolder(backend: try #require(BackendID(rawValue: "b1")), cluster: self.first, drone: DroneID(rawValue: "d1"), tag: "v3")
    }

    private func machine(key: Bool = true, spawn: Bool = true, cluster: ClusterName? = nil, standard: ClusterName? = nil) -> ConnectMachine {
        var recipe = SpawnConfig(executable: ExecutableRequest(image: "app"))
        recipe.cluster = cluster
        return ConnectMachine(ConnectRequest(key: key ? self.key : nil, spawn: spawn ? recipe : nil), defaultCluster: standard)
    }

    private func home(_ cluster: ClusterName, age: Duration, sequence: UInt64 = 9) -> StoredHome {
        StoredHome(home: KeyHome(lock: self.key.lock, cluster: cluster, time: WireTime(seconds: 0)), sequence: sequence, age: age)
    }

    private func kind(_ action: ConnectMachine.Action) -> GatewayError.Kind? {
        guard case .finish(.failure(let failure)) = action, case .object(let kind) = failure.shape else { return nil }
        return kind
    }

    @Test("row 1: a holder with the same tag is reused, whatever the recipe says")
    func reuse() {
        var machine = self.machine(cluster: self.second)
        #expect(machine.begin() == .find(self.key.lock))
        #expect(machine.found(self.holder, elapsed: .zero) == .finish(.reuse(self.holder)))
    }

    @Test("row 2: a holder that is ending is waited for, and then there is a successor")
    func ending() {
        var ending = self.holder
        ending.isEnding = true
        var machine = self.machine(cluster: self.first)
        _ = machine.begin()
        #expect(machine.found(ending, elapsed: .zero) == .awaitEnd(ending))
        #expect(machine.waited(hasEnded: true) == .find(self.key.lock))
        #expect(machine.found(nil, elapsed: .seconds(3)) == .claimHome(self.key.lock, self.first, expecting: 0))
    }

    @Test("row 2: a holder that does not end in time is a failure, with or without its tag", arguments: ["v3", "v4"])
    func endless(tag: String) {
        var ending = self.holder
        ending.isEnding = true
        ending.tag = tag
        var machine = self.machine(cluster: self.first)
        _ = machine.begin()
        _ = machine.found(ending, elapsed: .zero)
        #expect(self.kind(machine.waited(hasEnded: false)) == .failedToAcquireKey)
    }

    @Test("row 2: successors that end as well are not waited for without end")
    func endingAgain() {
        var ending = self.holder
        ending.isEnding = true
        var machine = self.machine(cluster: self.first)
        _ = machine.begin()
        _ = machine.found(ending, elapsed: .zero)
        _ = machine.waited(hasEnded: true)
        #expect(self.kind(machine.found(ending, elapsed: ConnectMachine.timeLimit)) == .failedToAcquireKey)
    }

    @Test("what the same request has made before is its answer, ended or not, and nobody waits for its end")
    func repeated() {
        var ended = self.holder
        ended.isEnding = true
        var machine = self.machine(key: false, cluster: self.first)
        #expect(machine.begin() == .schedule(self.first))
        #expect(machine.scheduled(.repeated(ended), elapsed: .zero) == .finish(.repeated(ended)))
    }

    @Test("row 3: a holder with another tag is a conflict")
    func otherTag() {
        var other = self.holder
        other.tag = ""
        var machine = self.machine(cluster: self.first)
        _ = machine.begin()
        #expect(self.kind(machine.found(other, elapsed: .zero)) == .keyHeld)
    }

    @Test("a holder whose tag nobody knows fits")
    func unknownTag() {
        var other = self.holder
        other.tag = nil
        var machine = self.machine()
        _ = machine.begin()
        #expect(machine.found(other, elapsed: .zero) == .finish(.reuse(other)))
    }

    @Test("row 5: neither key nor recipe is a conflict")
    func nothing() {
        var machine = self.machine(key: false, spawn: false)
        #expect(self.kind(machine.begin()) == .keyUnheldNoSpawnConfig)
    }

    @Test("row 6: a free key without a recipe is a conflict; where it has a home, that cluster is asked first")
    func freeWithoutRecipe() {
        var machine = self.machine(spawn: false)
        _ = machine.begin()
        #expect(machine.found(nil, elapsed: .zero) == .readHome(self.key.lock))
        #expect(self.kind(machine.read(nil, elapsed: .zero)) == .keyUnheldNoSpawnConfig)
        machine = self.machine(spawn: false)
        _ = machine.begin()
        _ = machine.found(nil, elapsed: .zero)
        #expect(machine.read(self.home(self.first, age: .zero), elapsed: .zero) == .ask(self.key.lock, self.first))
        #expect(self.kind(machine.asked(nil, elapsed: .zero)) == .keyUnheldNoSpawnConfig)
    }

    @Test("the holder in the key's home is reused although the state does not show it yet")
    func heldInHome() {
        var machine = self.machine(spawn: false)
        _ = machine.begin()
        _ = machine.found(nil, elapsed: .zero)
        _ = machine.read(self.home(self.first, age: .zero), elapsed: .zero)
        #expect(machine.asked(self.holder, elapsed: .zero) == .finish(.reuse(self.holder)))
    }

    @Test("row 7: a free key and no cluster is a bad request; without a key at once")
    func noCluster() {
        var machine = self.machine()
        _ = machine.begin()
        _ = machine.found(nil, elapsed: .zero)
        #expect(self.kind(machine.read(nil, elapsed: .zero)) == .noClusterProvided)
        machine = self.machine(key: false)
        #expect(self.kind(machine.begin()) == .noClusterProvided)
    }

    @Test("without a key nothing but a backend is asked for, in the default cluster")
    func withoutKey() {
        var machine = self.machine(key: false, standard: self.second)
        #expect(machine.begin() == .schedule(self.second))
        #expect(machine.scheduled(.spawned(self.holder), elapsed: .zero) == .finish(.spawned(self.holder)))
    }

    @Test("row 8: no drone is a failure that may pass")
    func noDrone() {
        var machine = self.machine(key: false, cluster: self.first)
        _ = machine.begin()
        let action = machine.scheduled(.noDrone(detail: nil), elapsed: .zero)
        #expect(self.kind(action) == .noDroneAvailable)
    }

    @Test("row 9: an id that was used before is a failure")
    func usedID() {
        var machine = self.machine(key: false, cluster: self.first)
        _ = machine.begin()
        #expect(self.kind(machine.scheduled(.idUsed, elapsed: .zero)) == .failedToAcquireKey)
    }

    @Test("row 10: whoever was quicker is the holder")
    func raced() {
        var machine = self.machine(cluster: self.first)
        _ = machine.begin()
        _ = machine.found(nil, elapsed: .zero)
        #expect(machine.claimed(true, in: self.first) == .schedule(self.first))
        #expect(machine.scheduled(.held(self.holder), elapsed: .zero) == .finish(.reuse(self.holder)))
    }

    @Test("row 10: a lock that others take is tried again, and not for ever")
    func busy() {
        var machine = self.machine(cluster: self.first)
        _ = machine.begin()
        _ = machine.found(nil, elapsed: .zero)
        _ = machine.claimed(true, in: self.first)
        #expect(machine.scheduled(.lockBusy, elapsed: .seconds(6)) == .pause)
        #expect(machine.paused() == .find(self.key.lock))
        _ = machine.found(nil, elapsed: .seconds(7))
        _ = machine.claimed(true, in: self.first)
        #expect(self.kind(machine.scheduled(.lockBusy, elapsed: .seconds(15))) == .failedToAcquireKey)
    }

    @Test("row 11: a free key and a recipe make a backend")
    func spawned() {
        var machine = self.machine(cluster: self.first)
        _ = machine.begin()
        _ = machine.found(nil, elapsed: .zero)
        _ = machine.claimed(true, in: self.first)
        #expect(machine.scheduled(.spawned(self.holder), elapsed: .zero) == .finish(.spawned(self.holder)))
    }

    @Test("what the schedulers refuse is the request's fault")
    func refused() {
        var machine = self.machine(key: false, cluster: self.first)
        _ = machine.begin()
        #expect(machine.scheduled(.refused("volume_mounts"), elapsed: .zero) == .finish(.failure(.unprocessable("volume_mounts"))))
    }

    @Test("a home in the wanted cluster is used as it is while it is fresh, and claimed again before it is old")
    func sameHome() {
        var machine = self.machine(cluster: self.first)
        _ = machine.begin()
        _ = machine.found(nil, elapsed: .zero)
        #expect(machine.claimed(false, in: self.first) == .readHome(self.key.lock))
        #expect(machine.read(self.home(self.first, age: .seconds(29)), elapsed: .zero) == .schedule(self.first))
        machine = self.machine(cluster: self.first)
        _ = machine.begin()
        _ = machine.found(nil, elapsed: .zero)
        _ = machine.claimed(false, in: self.first)
        #expect(machine.read(self.home(self.first, age: .seconds(30)), elapsed: .zero) == .claimHome(self.key.lock, self.first, expecting: 9))
        // Somebody else has claimed it at the same moment.
        #expect(machine.claimed(false, in: self.first) == .readHome(self.key.lock))
    }

    @Test("a home in another cluster is asked, and moved when it is old and free")
    func moved() {
        var machine = self.machine(cluster: self.second)
        _ = machine.begin()
        _ = machine.found(nil, elapsed: .zero)
        _ = machine.claimed(false, in: self.second)
        #expect(machine.read(self.home(self.first, age: .seconds(60)), elapsed: .zero) == .ask(self.key.lock, self.first))
        #expect(machine.asked(nil, elapsed: .zero) == .claimHome(self.key.lock, self.second, expecting: 9))
        #expect(machine.claimed(true, in: self.second) == .schedule(self.second))
    }

    @Test("a home in another cluster is not moved under the hands of somebody who may be asking there")
    func notMoved() {
        var machine = self.machine(cluster: self.second)
        _ = machine.begin()
        _ = machine.found(nil, elapsed: .zero)
        _ = machine.claimed(false, in: self.second)
        _ = machine.read(self.home(self.first, age: .seconds(59)), elapsed: .zero)
        #expect(self.kind(machine.asked(nil, elapsed: .zero)) == .failedToAcquireKey)
    }

    @Test("a home of another lock with the same hash is nobody's")
    func collision() throws {
        var foreign = self.home(self.first, age: .zero)
        foreign.home.lock = try #require(LockName(rawValue: "another"))
        var machine = self.machine(cluster: self.second)
        _ = machine.begin()
        _ = machine.found(nil, elapsed: .zero)
        _ = machine.claimed(false, in: self.second)
        #expect(machine.read(foreign, elapsed: .zero) == .schedule(self.second))
    }

    @Test("an answer that nobody waits for ends the request and not the process")
    func unasked() {
        var machine = self.machine()
        #expect(self.kind(machine.claimed(true, in: self.first)) == .other)
    }
}
