import NetworkAddresses
import Testing

@testable import PlaneProtocol
@testable import PlaneState

@Suite("Backends and drones in the fold")
struct FleetStateTests {
    @Test("nothing is known of an empty fleet")
    func empty() {
        let fleet = FleetState()
        #expect(fleet.sequence == 0)
        #expect(fleet.backend(one, in: cluster) == nil)
        #expect(fleet.drone(droneA, in: cluster) == nil)
        #expect(fleet.address(of: one, in: cluster) == nil)
        #expect(fleet.clusterNames.isEmpty)
    }

    @Test("a backend has its assignment and its latest state")
    func backend() {
        let fleet = fleet(.assign(one, token: "t", lock: (lock, 1)), .state(one, .loading, at: 5), .state(one, .ready, at: 9))
        let expected = BackendView(
            id: one, drone: droneA, bearerToken: "t", lock: lock, state: .ready, stateTime: StateTime(milliseconds: 9))
        #expect(fleet.backend(one, in: cluster) == expected)
        #expect(fleet.backends(in: cluster) == [expected])
        #expect(fleet.clusterNames == [cluster])
    }

    @Test("states reach a backend nobody has assigned")
    func unassigned() {
        let view = fleet(.state(one, .loading, at: 5)).backend(one, in: cluster)
        #expect(view == BackendView(id: one, state: .loading, stateTime: StateTime(milliseconds: 5)))
    }

    @Test("a drone has its metadata, latest state and last sign of life, and is no drone if only assignments speak of it")
    func drone() {
        let full = fleet(
            .assign(one), .register(droneA), .state(droneA, .ready, at: 5), .keepAlive(droneA, at: 6), .assign(two, to: droneB))
        let expected = DroneView(
            id: droneA, metadata: DroneMetadata(ip: addressA, version: "0.4.0"), state: .ready, stateTime: StateTime(milliseconds: 5),
            lastSeen: StateTime(milliseconds: 6), liveBackends: 1, startingBackends: 1)
        #expect(full.drone(droneA, in: cluster) == expected)
        #expect(full.drones(in: cluster) == [expected])
    }

    @Test("W8: a drone that was drained and is ready again is ready, for a reader that starts later too")
    func readyAgain() {
        var stream = Stream()
        stream.append(.state(droneA, .ready, at: 1))
        stream.append(.state(droneA, .draining, at: 2))
        stream.append(.state(droneA, .ready, at: 3))
        #expect(stream.live.drone(droneA, in: cluster)?.state == .ready)
        #expect(stream.replayed.drone(droneA, in: cluster)?.state == .ready)
    }

    @Test("W9: an ended backend stays known, so that its id can be refused")
    func endedIsKnown() {
        #expect(fleet(.assign(one), .state(one, .exited)).backend(one, in: cluster) != nil)
    }

    @Test("W10: a later state wins though its writer's clock is behind")
    func streamOrder() {
        #expect(fleet(.state(one, .starting, at: 100), .state(one, .ready, at: 50)).backend(one, in: cluster)?.state == .ready)
        #expect(fleet(.state(droneA, .draining, at: 100), .state(droneA, .ready, at: 50)).drone(droneA, in: cluster)?.state == .ready)
    }

    @Test("W10: nothing follows a terminal state", arguments: BackendState.allCases.filter(\.isTerminal))
    func terminalWins(end: BackendState) {
        let ended = fleet(.assign(one), .state(one, end, at: 10), .state(one, .ready, at: 20))
        #expect(ended.backend(one, in: cluster)?.state == end)
        #expect(ended.backend(one, in: cluster)?.stateTime == StateTime(milliseconds: 10))
    }

    @Test("W10: of several terminal states the last one told counts: a drone back from the dead knows better than who wrote it off")
    func lostThenTold() {
        #expect(fleet(.state(one, .lost), .state(one, .swept)).backend(one, in: cluster)?.state == .swept)
    }

    @Test("a drone's live backends are counted, whichever comes first: assignment, end, new assignment or purge")
    func counting() {
        var stream = Stream()
        stream.append(.register(droneA))
        stream.append(.register(droneB))
        func counts() -> [Int?] { [droneA, droneB].map { stream.live.drone($0, in: cluster)?.liveBackends } }
        stream.append(.assign(one))
        stream.append(.assign(two))
        #expect(counts() == [2, 0])
        stream.append(.assign(one, to: droneB))
        #expect(counts() == [1, 1])
        stream.append(.state(one, .failed))
        stream.append(.state(one, .failed))
        stream.append(.state(one, .lost))
        #expect(counts() == [1, 0])
        stream.append(.assign(one, to: droneA))
        #expect(counts() == [1, 0])
        stream.purge(two)
        stream.purge(one)
        #expect(counts() == [0, 0])
    }

    @Test("DNS gives the drone's address, until the backend has ended")
    func address() {
        #expect(fleet(.assign(one), .register(droneA)).address(of: one, in: cluster) == addressA)
        #expect(fleet(.assign(one)).address(of: one, in: cluster) == nil)
        #expect(fleet(.register(droneA), .state(one, .ready)).address(of: one, in: cluster) == nil)
        #expect(fleet(.assign(one), .register(droneA), .state(one, .swept)).address(of: one, in: cluster) == nil)
        let v6 = IPAddress("2001:db8::7")!
        #expect(fleet(.register(droneA, ip: v6), .assign(one)).address(of: one, in: cluster) == v6)
    }

    @Test("W11: a challenge text written twice takes one place; the ten newest are kept, oldest first")
    func acme() {
        var stream = Stream()
        for value in ["a", "b", "a"] { stream.append(.acme(value)) }
        #expect(stream.live.acmeValues(in: cluster) == ["b", "a"])
        for value in 1...9 { stream.append(.acme("\(value)")) }
        #expect(stream.live.acmeValues(in: cluster) == ["a"] + (1...9).map(String.init))
        stream.append(.acme("10"))
        #expect(stream.live.acmeValues(in: cluster) == (1...10).map(String.init))
    }

    @Test("challenge texts survive the restart of a reader: the last message repeats those before it", arguments: [1, 2, 10, 13])
    func acmeReplayed(count: Int) {
        var stream = Stream()
        for value in 1...count {
            let (message, expected) = stream.live.acmeMessage(adding: "\(value)", in: cluster)
            #expect(expected == stream.lastSequence(message.subject))
            stream.append(message)
        }
        #expect(stream.live.acmeValues(in: cluster) == (max(1, count - 9)...count).map(String.init))
        #expect(stream.replayed.acmeValues(in: cluster) == stream.live.acmeValues(in: cluster))
    }

    @Test("a message that names more earlier challenge texts than there is place for does no harm")
    func acmeFlood() {
        let flooded = fleet(.acme("last", earlier: (1...10_000).map(String.init)))
        #expect(flooded.acmeValues(in: cluster) == (9992...10_000).map(String.init) + ["last"])
    }

    @Test("W13: a drone that was purged is forgotten, its backends are not")
    func purgedDrone() {
        var stream = Stream()
        stream.append(.register(droneA))
        stream.append(.assign(one))
        stream.purge(droneA)
        #expect(stream.live.drone(droneA, in: cluster) == nil)
        #expect(stream.live.backend(one, in: cluster)?.drone == droneA)
        stream.purge(one)
        stream.append(.register(droneA))
        #expect(stream.live.drone(droneA, in: cluster)?.liveBackends == 0)
    }

    @Test("W18: a message delivered again changes nothing, and time never goes back")
    func redelivery() {
        var fleet = FleetState()
        fleet.apply(.state(droneA, .ready), sequence: 5, published: WireTime(seconds: 5))
        fleet.apply(.state(droneA, .draining), sequence: 6, published: WireTime(seconds: 6))
        fleet.apply(.state(droneA, .ready), sequence: 5, published: WireTime(seconds: 5))
        #expect(fleet.drone(droneA, in: cluster)?.state == .draining)
        #expect(fleet.sequence == 6)
    }

    @Test("a message nobody could read is counted, so that who waits for it is not left waiting")
    func unreadable() {
        var fleet = FleetState()
        fleet.skip(sequence: 9)
        #expect(fleet.sequence == 9)
        fleet.skip(sequence: 3)
        #expect(fleet.sequence == 9)
    }
}
