import Testing

@testable import PlaneProtocol
@testable import PlaneState

@Suite("Placement")
struct PlacementTests {
    @Test("without any drone there is no choice")
    func nothing() {
        var scene = PlacementScene()
        #expect(scene.choose() == nil)
        scene.heard(droneA)  // not registered
        #expect(scene.choose() == nil)
    }

    @Test("a registered drone that says it is ready is chosen")
    func ready() {
        var scene = PlacementScene(registered: [droneA])
        #expect(scene.choose() == nil)
        scene.heard(droneA)
        #expect(scene.choose() == droneA)
    }

    @Test("only a drone that is ready is chosen", arguments: DroneState.allCases)
    func states(state: DroneState) {
        var scene = PlacementScene(registered: [droneA])
        scene.heard(droneA, state: state)
        #expect(scene.choose() == (state == .ready ? droneA : nil))
    }

    @Test("a drone is fit for less than 30 s after it was heard, and again when it is heard again")
    func liveness() {
        var scene = PlacementScene(registered: [droneA])
        scene.heard(droneA)
        scene.milliseconds += 29_999
        #expect(scene.choose() == droneA)
        scene.milliseconds += 1
        #expect(scene.choose() == nil)
        scene.heard(droneA)
        #expect(scene.choose() == droneA)
    }

    @Test("a process that has not heard a drone yet believes the stream, but not a time far in the future")
    func fromTheStream() {
        var scene = PlacementScene(registered: [droneA])
        scene.apply(.state(droneA, .ready))
        scene.apply(.keepAlive(droneA, at: scene.milliseconds - 29_000))
        #expect(scene.choose() == droneA)
        scene.apply(.keepAlive(droneA, at: scene.milliseconds - 30_000))
        #expect(scene.choose() == nil)
        scene.apply(.keepAlive(droneA, at: scene.milliseconds + 60_000))
        #expect(scene.choose() == nil)
    }

    @Test("what the drone says itself counts more than the stream")
    func ownWord() {
        var scene = PlacementScene(registered: [droneA])
        scene.apply(.state(droneA, .ready))
        scene.apply(.keepAlive(droneA, at: scene.milliseconds))
        scene.heard(droneA, state: .draining)
        #expect(scene.choose() == nil)
        scene.apply(.keepAlive(droneA, at: scene.milliseconds + 1))
        #expect(scene.choose() == nil)
        scene.heard(droneA)
        #expect(scene.choose() == droneA)
    }

    @Test("S9: a drone that was written off is not chosen before the stream calls it ready again")
    func lost() {
        var scene = PlacementScene(registered: [droneA])
        scene.apply(.state(droneA, .lost))
        scene.heard(droneA)
        #expect(scene.choose() == nil)
        scene.apply(.state(droneA, .ready))
        #expect(scene.choose() == droneA)
    }

    @Test("S8: of two drones the less loaded one is chosen")
    func load() {
        var scene = PlacementScene(registered: [droneA, droneB])
        scene.heard(droneA)
        scene.heard(droneB)
        scene.apply(.assign(one, to: droneA))
        for _ in 0..<20 {
            #expect(scene.choose() == droneB)
            scene.placement.settle(droneB, in: cluster)
        }
        scene.apply(.state(one, .exited))
        scene.heard(droneB, running: 3)
        #expect(scene.choose() == droneA)
    }

    @Test("choices that are not settled count, so that a burst spreads")
    func burst() {
        var scene = PlacementScene(registered: [droneA, droneB])
        scene.heard(droneA)
        scene.heard(droneB)
        var counts: [DroneID: Int] = [:]
        for _ in 0..<50 { counts[scene.choose() ?? droneA, default: 0] += 1 }
        #expect(counts == [droneA: 25, droneB: 25])
    }

    @Test("a drone that is full is passed over until it has room", arguments: [false, true])
    func full(isReported: Bool) {
        var scene = PlacementScene(registered: [droneA])
        scene.heard(droneA, running: isReported ? 2 : 0, limit: 2)
        if !isReported {
            scene.apply(.assign(one))
            scene.apply(.assign(two))
        }
        #expect(scene.choose() == nil)
        if !isReported { scene.apply(.state(one, .exited)) } else { scene.heard(droneA, running: 1, limit: 2) }
        #expect(scene.choose() == droneA)
        #expect(scene.choose() == nil)  // the choice itself takes the place
        scene.placement.settle(droneA, in: cluster)
        #expect(scene.choose() == droneA)
    }

    @Test("a drone that takes none is never chosen")
    func zero() {
        var scene = PlacementScene(registered: [droneA])
        scene.heard(droneA, limit: 0)
        #expect(scene.choose() == nil)
    }

    @Test("S4: an excluded drone is not chosen, and remains for others")
    func excluded() {
        var scene = PlacementScene(registered: [droneA, droneB])
        scene.heard(droneA)
        scene.heard(droneB)
        for _ in 0..<20 { #expect(scene.choose(excluding: [droneA]) == droneB) }
        #expect(scene.choose(excluding: [droneA, droneB]) == nil)
        #expect(scene.choose() == droneA)
    }

    @Test("a forgotten drone is out of the draw, and may come back")
    func forgotten() {
        var scene = PlacementScene(registered: [droneA])
        scene.heard(droneA)
        #expect(scene.placement.lastHeard(droneA, in: cluster) == StateTime(milliseconds: scene.milliseconds))
        #expect(scene.choose() == droneA)
        scene.placement.forget(droneA, in: cluster)
        scene.placement.settle(droneA, in: cluster)
        #expect(scene.choose() == nil)
        scene.heard(droneA)
        #expect(scene.choose() == droneA)
    }

    @Test("among many drones, stale ones and draining ones, each fit one gets its share")
    func manyDrones() {
        let drones = (0..<100).map { DroneID(rawValue: "drone-\($0)")! }
        var scene = PlacementScene(registered: drones)
        for (index, drone) in drones.enumerated() where index % 4 == 0 { scene.heard(drone) }
        scene.milliseconds += 40_000
        for (index, drone) in drones.enumerated() where index % 4 == 1 { scene.heard(drone) }
        for (index, drone) in drones.enumerated() where index % 4 == 2 { scene.heard(drone, state: .draining) }
        var counts: [DroneID: Int] = [:]
        for _ in 0..<2500 { counts[scene.choose() ?? droneA, default: 0] += 1 }
        #expect(Set(counts.keys) == Set(drones.enumerated().filter { $0.offset % 4 == 1 }.map(\.element)))
        #expect(counts.values.allSatisfy { (97...103).contains($0) }, "\(counts.values.sorted())")
    }

    // MARK: Pools

    private func scene(_ pools: [(DroneID, String?)]) -> PlacementScene {
        var scene = PlacementScene()
        for (drone, pool) in pools {
            scene.apply(.register(drone, pool: pool))
            scene.heard(drone)
        }
        return scene
    }

    private func needs(_ pool: String = "", extensions: Bool = false) throws -> PlacementNeeds {
        PlacementNeeds(pool: try #require(PoolName(rawValue: pool)), extensions: extensions)
    }

    @Test("a request gets a drone of its pool and no other; the pool without a name is one too")
    func pools() throws {
        var scene = self.scene([(droneA, ""), (droneB, "gpu")])
        for _ in 0..<20 {
            #expect(scene.choose() == droneA)
            #expect(scene.choose(try self.needs("gpu")) == droneB)
        }
        #expect(scene.choose(try self.needs("gpu2")) == nil)
        #expect(scene.choose(try self.needs("GPU")) == nil)
    }

    @Test("a drone that knows none of our additions gets plain backends, and none that needs one")
    func legacy() throws {
        var scene = self.scene([(droneA, nil), (droneB, "")])
        var chosen: Set<DroneID?> = []
        for _ in 0..<20 { chosen.insert(scene.choose()) }
        #expect(chosen == [droneA, droneB])
        for _ in 0..<20 { #expect(scene.choose(try self.needs(extensions: true)) == droneB) }
        #expect(scene.choose(try self.needs(extensions: true), excluding: [droneB]) == nil)
        #expect(scene.choose(excluding: [droneB]) == droneA)
    }

    @Test("a drone that registers with another pool leaves the old one, whatever was known before")
    func moves() throws {
        var scene = PlacementScene()
        scene.heard(droneA)  // not registered, so its pool is not known
        #expect(scene.choose() == nil)
        scene.apply(.register(droneA, pool: "gpu"))
        scene.heard(droneA)
        #expect(scene.choose() == nil)
        #expect(scene.choose(try self.needs("gpu")) == droneA)
        scene.apply(.register(droneA, pool: ""))
        #expect(scene.choose(try self.needs("gpu")) == nil)
        #expect(scene.choose() == droneA)
        scene.apply(.register(droneA))
        #expect(scene.choose() == droneA)
        #expect(scene.choose(try self.needs(extensions: true)) == nil)
    }

    @Test("loads count within a pool, and a choice that is given up makes room there again")
    func poolLoads() throws {
        let more = (0..<10).map { DroneID(rawValue: "gpu-\($0)")! }
        var scene = self.scene([(droneA, "")] + more.map { ($0, "gpu") })
        for drone in more { scene.heard(drone, limit: 1) }
        var taken: Set<DroneID> = []
        for _ in more { taken.insert(try #require(scene.choose(try self.needs("gpu")))) }
        #expect(taken == Set(more))
        #expect(scene.choose(try self.needs("gpu")) == nil)
        #expect(scene.choose() == droneA)
        scene.placement.settle(more[3], in: cluster)
        #expect(scene.choose(try self.needs("gpu")) == more[3])
    }

    @Test("why a drone is not chosen can be told")
    func obstacles() {
        var scene = self.scene([(droneA, "")])
        #expect(scene.obstacle(to: droneA) == nil)
        scene.heard(droneA, running: 5, limit: 5)
        #expect(scene.obstacle(to: droneA) == .full)
        scene.heard(droneA, state: .draining)
        #expect(scene.obstacle(to: droneA) == .draining)
        scene.heard(droneA)
        scene.milliseconds += 30_000
        #expect(scene.obstacle(to: droneA) == .silent)
        #expect(scene.obstacle(to: droneB) == .silent)
    }
}
