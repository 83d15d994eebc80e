import Testing

@testable import PlaneProtocol
@testable import PlaneState

@Suite("Placement by time to ready")
struct PlacementStartsTests {
    private let image = "ghcr.io/acme/editor:4"

    /// Drones that are ready, and what they say of their starts.
    private func scene(_ drones: [(DroneID, DroneStarts?)]) -> PlacementScene {
        var scene = PlacementScene(registered: drones.map(\.0))
        for (drone, starts) in drones { scene.heard(drone, starts: starts) }
        return scene
    }

    private func having(_ ready: UInt32? = 200, parked: UInt32 = 0, parkedReady: UInt32? = 30, digest: String? = nil) -> DroneStarts {
        DroneStarts(
            images: [.init(name: self.image, digest: digest, readyMilliseconds: ready, parked: parked, parkedReadyMilliseconds: parkedReady)],
            readyMilliseconds: 300, pullMilliseconds: 9000, processors: 2)
    }

    private let lacking = DroneStarts(readyMilliseconds: 300, pullMilliseconds: 9000, processors: 2)

    private func wanting(_ image: String) -> PlacementNeeds { PlacementNeeds(image: ImageKey(image)) }

    @Test("one drone of a hundred that has the image is found, however the image is spelled, by its digest too")
    func holder() {
        var drones: [(DroneID, DroneStarts?)] = [(droneA, self.having(digest: "sha256:0a"))]
        for number in 0..<99 { drones.append((DroneID(rawValue: "drone-\(number)")!, self.lacking)) }
        var scene = self.scene(drones)
        for name in [self.image, "ghcr.io/acme/editor@sha256:0a", "ghcr.io/acme/editor:4@sha256:0a"] {
            #expect(scene.choose(self.wanting(name)) == droneA)
            scene.placement.settle(droneA, in: cluster)
        }
        #expect(scene.choose(self.wanting(self.image), excluding: [droneA]) != droneA)
        var chosen: Set<DroneID?> = []
        for _ in 0..<50 { chosen.insert(scene.choose(self.wanting("ghcr.io/acme/editor:5"))) }
        #expect(chosen.count > 25, "an image that nobody has is pulled by any drone")
    }

    @Test("a drone where a container waits comes first, until this scheduler has given all of them away; what the drone says next counts")
    func parked() {
        var scene = self.scene([(droneA, self.having()), (droneB, self.having(parked: 3))])
        scene.apply(.assign(one, to: droneB))
        scene.apply(.state(one, .ready))
        for _ in 0..<3 {
            #expect(scene.choose(self.wanting(self.image)) == droneB)
            scene.placement.settle(droneB, in: cluster)
        }
        #expect(scene.choose(self.wanting(self.image)) == droneA)
        scene.placement.settle(droneA, in: cluster)
        scene.heard(droneB)  // says nothing of it
        #expect(scene.choose(self.wanting(self.image)) == droneA)
        scene.placement.settle(droneA, in: cluster)
        scene.heard(droneB, starts: self.having(parked: 1))
        #expect(scene.choose(self.wanting(self.image)) == droneB)
    }

    @Test("what is under way on a drone slows it down, until another one that is slower by itself is faster")
    func underWay() {
        var scene = self.scene([(droneA, self.having(200)), (droneB, self.having(600))])
        var choices: [DroneID?] = []
        for _ in 0..<12 { choices.append(scene.choose(self.wanting(self.image))) }
        // Before any start, the fast one would be chosen for all.
        #expect(choices.prefix(3).allSatisfy { $0 == droneA })
        #expect(Set(choices) == [droneA, droneB])
        #expect(choices.count { $0 == droneA } > choices.count { $0 == droneB })
    }

    @Test("backends that have not become ready count as under way, and those that have do not")
    func starting() {
        var scene = self.scene([(droneA, self.having(200)), (droneB, self.having(300))])
        let backends = (0..<4).map { BackendID(rawValue: "b\($0)")! }
        for backend in backends { scene.apply(.assign(backend, to: droneA)) }
        #expect(scene.fleet.drone(droneA, in: cluster)?.startingBackends == 4)
        #expect(scene.choose(self.wanting(self.image)) == droneB)
        scene.placement.settle(droneB, in: cluster)
        for backend in backends { scene.apply(.state(backend, .starting)) }
        #expect(scene.choose(self.wanting(self.image)) == droneB)
        scene.placement.settle(droneB, in: cluster)
        for backend in backends.dropLast() { scene.apply(.state(backend, .ready)) }
        scene.apply(.state(backends[3], .exited))
        #expect(scene.fleet.drone(droneA, in: cluster)?.startingBackends == 0)
        #expect(scene.choose(self.wanting(self.image)) == droneA, "it is faster, and not much fuller")
    }

    @Test("the one drone with the image does not get everything: another one pulls it when this one has far more backends")
    func fairness() {
        var scene = self.scene([(droneA, self.having()), (droneB, self.lacking)])
        var counts: [DroneID: Int] = [:]
        for number in 0..<200 {
            guard let drone = scene.choose(self.wanting(self.image)), let backend = BackendID(rawValue: "b\(number)") else { break }
            counts[drone, default: 0] += 1
            scene.apply(.assign(backend, to: drone))
            scene.apply(.state(backend, .ready))
            scene.placement.settle(drone, in: cluster)
            if drone == droneB { scene.heard(droneB, starts: self.having()) }
        }
        // The first goes there when the other one has 17; from then on both have it.
        #expect(counts == [droneA: 100, droneB: 100])
    }

    @Test("where neither is clearly faster, the less loaded one is chosen")
    func alike() {
        var scene = self.scene([(droneA, self.having(200)), (droneB, self.having(240))])
        scene.apply(.assign(one, to: droneA))
        scene.apply(.state(one, .ready))
        #expect(scene.choose(self.wanting(self.image)) == droneB)
    }

    @Test("where one of two says nothing, as drones of 0.3.24 do, their loads decide; so they do for requests that name no image")
    func silent() {
        var scene = self.scene([(droneA, self.having()), (droneB, nil)])
        scene.apply(.assign(one, to: droneA))
        scene.apply(.state(one, .ready))
        for _ in 0..<10 {
            #expect(scene.choose() == droneB)
            scene.placement.settle(droneB, in: cluster)
            #expect(scene.choose(self.wanting(self.image)) == droneB)
            scene.placement.settle(droneB, in: cluster)
        }
    }

    @Test("what a drone has not said again for long does not count, and neither does what it said before it said something else")
    func outdated() {
        var scene = self.scene([(droneA, self.having()), (droneB, self.lacking)])
        scene.apply(.assign(one, to: droneA))
        scene.apply(.state(one, .ready))
        scene.milliseconds += 89_000
        scene.heard(droneA)
        scene.heard(droneB)
        #expect(scene.choose(self.wanting(self.image)) == droneA)
        scene.placement.settle(droneA, in: cluster)
        scene.milliseconds += 1000
        #expect(scene.choose(self.wanting(self.image)) == droneB)
        scene.placement.settle(droneB, in: cluster)
        scene.heard(droneA)  // an agent that says nothing
        scene.heard(droneB, starts: self.lacking)
        #expect(scene.choose(self.wanting(self.image)) == droneB)
        scene.placement.settle(droneB, in: cluster)
        scene.heard(droneA, starts: self.having())
        #expect(scene.choose(self.wanting(self.image)) == droneA)
        scene.placement.settle(droneA, in: cluster)
        scene.heard(droneA, starts: self.lacking)
        #expect(scene.choose(self.wanting(self.image)) == droneB)
    }

    @Test("a drone with the image that is full or drained is not chosen, and comes back with its images")
    func comesBack() {
        var scene = self.scene([(droneA, self.having(parked: 2)), (droneB, self.lacking)])
        scene.heard(droneA, running: 1, limit: 1)
        #expect(scene.choose(self.wanting(self.image)) == droneB)
        scene.heard(droneA, state: .draining)
        #expect(scene.choose(self.wanting(self.image)) == droneB)
        scene.heard(droneA)
        #expect(scene.choose(self.wanting(self.image)) == droneA)
        scene.placement.forget(droneA, in: cluster)
        #expect(scene.choose(self.wanting(self.image)) == droneB)
    }

    @Test("the image counts within the pool")
    func pools() throws {
        var scene = PlacementScene()
        for (drone, pool) in [(droneA, "gpu"), (droneB, "")] { scene.apply(.register(drone, pool: pool)) }
        scene.heard(droneA, starts: self.having())
        scene.heard(droneB, starts: self.lacking)
        #expect(scene.choose(self.wanting(self.image)) == droneB)
        let gpu = PlacementNeeds(pool: try #require(PoolName(rawValue: "gpu")), image: ImageKey(self.image))
        #expect(scene.choose(gpu) == droneA)
        scene.apply(.register(droneA, pool: ""))
        for _ in 0..<3 { #expect(scene.choose(self.wanting(self.image)) == droneA) }
    }

    private static func madeUp(_ number: Int) -> DroneID { DroneID(rawValue: "made-up-\(number)")! }

    private func images(_ count: Int) -> DroneStarts {
        DroneStarts(images: (0..<count).map { .init(name: "image-\($0)", readyMilliseconds: 200, parked: 1) })
    }

    private func imagesKept(_ scene: PlacementScene) -> Int {
        scene.placement.clusters[cluster]?.members.values.reduce(0) { $0 + ($1.starts?.images.count ?? 0) } ?? 0
    }

    @Test("drones that say more of their images than is kept are known without them, and what was known still counts")
    func bound() {
        var scene = PlacementScene(registered: [droneA, droneB], imageLimit: 1000)
        scene.heard(droneA, starts: self.having())
        scene.heard(droneB, starts: self.lacking)
        for number in 0..<100 {
            scene.apply(.register(Self.madeUp(number)))
            scene.heard(Self.madeUp(number), state: .draining, starts: self.images(60))
        }
        #expect(self.imagesKept(scene) == 1 + 16 * 60)
        #expect(scene.choose(self.wanting(self.image)) == droneA)
        scene.placement.settle(droneA, in: cluster)
        // One that says more than before has no more room than others.
        scene.heard(Self.madeUp(0), state: .draining, starts: self.images(64))
        #expect(self.imagesKept(scene) == 1 + 15 * 60 + 64)
        scene.heard(Self.madeUp(1), state: .draining, starts: self.images(64))
        scene.heard(Self.madeUp(2), state: .draining, starts: self.images(10))
        scene.placement.forget(Self.madeUp(3), in: cluster)
        #expect(self.imagesKept(scene) <= 1000)
        expectConsistent(scene.placement)
        // Those that say nothing more make room for a drone that comes later.
        scene.milliseconds += 120_000
        for (drone, starts) in [(droneA, self.having()), (droneB, self.lacking)] { scene.heard(drone, starts: starts) }
        for number in 50..<70 { scene.heard(Self.madeUp(number), state: .draining, starts: self.images(60)) }
        #expect(self.imagesKept(scene) == 1 + 16 * 60)
        #expect(scene.choose(self.wanting(self.image)) == droneA)
    }

    @Test("of a drone that has not registered no image is kept; once it has, what it says counts")
    func unregistered() {
        var scene = self.scene([(droneB, self.lacking)])
        scene.heard(droneA, starts: self.having())
        #expect(self.imagesKept(scene) == 0)
        scene.apply(.register(droneA))
        #expect(scene.placement.lastHeard(droneA, in: cluster) != nil, "its word may come before its registration")
        scene.heard(droneA, starts: self.having())
        #expect(scene.choose(self.wanting(self.image)) == droneA)
    }

    @Test("of made-up drones a bounded number is kept, in whatever clusters, and drones that register are known nevertheless")
    func strangers() {
        var scene = PlacementScene(registered: [droneB])
        func kept() -> Int { scene.placement.clusters.values.reduce(0) { $0 + $1.members.count } }
        for number in 0..<2 * Placement.strangerLimit {
            scene.heard(Self.madeUp(number))
            let elsewhere = DroneStatusMessage(
                droneID: Self.madeUp(number), cluster: ClusterName(rawValue: "c\(number).test")!, droneVersion: "1", state: .ready, runningBackends: 0)
            scene.placement.heard(elsewhere, isRegistered: false, at: StateTime(milliseconds: scene.milliseconds))
        }
        #expect(kept() == Placement.strangerLimit + 1)
        scene.apply(.register(droneA))
        scene.heard(droneA)
        scene.heard(droneB)
        #expect(Set([scene.choose(), scene.choose()]) == [droneA, droneB])
        // Those that are heard no more make room.
        scene.milliseconds += 60_000
        let late = Self.madeUp(1_000_000)
        scene.heard(late)
        #expect(scene.placement.lastHeard(late, in: cluster) != nil)
        #expect(kept() == 3)
        #expect(scene.placement.clusters.count == 1)
    }

    @Test(
        "a drone that can take nothing is no candidate for saying so, and is one again when it can", arguments: [(DroneState.ready, UInt32(5)), (.draining, 0)])
    func full(state: DroneState, running: UInt32) {
        var scene = PlacementScene(registered: [droneA])
        scene.heard(droneA, state: state, running: running, limit: 5, starts: self.having())
        #expect(scene.choose(self.wanting(self.image)) == nil)
        scene.heard(droneA, state: state, running: running, limit: 5, starts: self.having())
        #expect(scene.placement.clusters[cluster]?.members[droneA]?.position == nil)
        scene.heard(droneA, running: 4, limit: 5)
        #expect(scene.choose(self.wanting(self.image)) == droneA)
    }

    @Test("after any history each candidate is once among the holders of each of its images, and nobody else is", arguments: 0..<20 as Range<UInt64>)
    func places(seed: UInt64) {
        var random = SplitMix64(state: seed)
        let drones = (0..<8).map { DroneID(rawValue: "drone-\($0)")! }
        var scene = PlacementScene(registered: drones)
        func starts(_ random: inout SplitMix64) -> DroneStarts {
            // Names come twice now and then.
            DroneStarts(
                images: (0..<Int.random(in: 0..<6, using: &random)).map { _ in
                    .init(name: "image-\(Int.random(in: 0..<6, using: &random))", parked: UInt32.random(in: 0..<3, using: &random))
                })
        }
        for _ in 0..<400 {
            let drone = drones.randomElement(using: &random) ?? droneA
            switch Int.random(in: 0..<7, using: &random) {
            case 0: scene.heard(drone, starts: starts(&random))
            case 1: scene.heard(drone, running: .random(in: 0..<3, using: &random), limit: 2)
            case 2: scene.heard(drone, state: .draining, starts: starts(&random))
            case 3: scene.apply(.register(drone, pool: ["", "gpu"].randomElement(using: &random)))
            case 4: scene.milliseconds += 20_000
            case 5: scene.placement.forget(drone, in: cluster)
            default:
                let chosen = scene.choose(self.wanting("image-\(Int.random(in: 0..<6, using: &random))"))
                if let chosen, Bool.random(using: &random) { scene.placement.settle(chosen, in: cluster) }
            }
            expectConsistent(scene.placement)
        }
    }

    private func expectConsistent(_ placement: Placement, sourceLocation: SourceLocation = #_sourceLocation) {
        guard let members = placement.clusters[cluster] else { return }
        var expected: Set<String> = []
        for (drone, member) in members.members {
            for image in member.starts?.images ?? [] {
                for (isParked, place) in [(false, image.place), (true, image.parkedPlace)] {
                    let isListed = member.position != nil && (!isParked || image.parked > 0)
                    #expect((place != StartReport.noPlace) == isListed, sourceLocation: sourceLocation)
                    if isListed { expected.insert("\(member.list) \(image.key) \(isParked) \(place) \(drone)") }
                }
            }
        }
        var found: [String] = []
        for (list, keys) in members.holders {
            for (key, drones) in keys {
                #expect(!drones.isEmpty, sourceLocation: sourceLocation)
                found += drones.enumerated().map { "\(list) \(key.image) \(key.isParked) \($0.offset) \($0.element)" }
            }
        }
        #expect(found.count == expected.count && Set(found) == expected, sourceLocation: sourceLocation)
    }
}
