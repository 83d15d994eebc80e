import PlaneProtocol
import Testing

@testable import PlaneState

@Suite("Retention scan") struct RetentionScanTests {
    static let clusters = ["a.test", "b.test"].map { ClusterName(rawValue: $0)! }
    static let limits = RetentionScan.Limits(endedBefore: WorldTime(milliseconds: 1_000_000), lostBefore: WorldTime(milliseconds: 1_000_000))

    /// Everything a scan finds on its way round.
    static func all(in world: WorldState, count: Int, rounds: Int = 200) -> [RetentionScan.Outdated] {
        var scan = RetentionScan()
        return (0..<rounds).flatMap { _ in scan.next(in: world, self.limits, count: count) }
    }

    struct Writer {
        var world = WorldState()
        private var sequence: UInt64 = 0

        mutating func apply(_ change: ClusterStateMessage, _ cluster: ClusterName, second: Int64 = 0) {
            self.sequence += 1
            self.world.apply(.cluster(cluster, change), sequence: self.sequence, published: WireTime(seconds: second))
        }

        mutating func backend(_ id: String, _ change: BackendMessage.Change, _ cluster: ClusterName) {
            self.apply(.backend(BackendMessage(backend: BackendID(rawValue: id)!, change: change)), cluster)
        }
    }

    @Test("W12: finds every backend that ended before the limit, whatever the size of the parts, and no other", arguments: [1, 3, 1000])
    func backends(count: Int) {
        var writer = Writer()
        for cluster in Self.clusters {
            for number in 0..<20 {
                writer.backend("old-\(number)", .state(.swept, at: WorldTime(milliseconds: 999_999)), cluster)
                writer.backend("new-\(number)", .state(.swept, at: WorldTime(milliseconds: 1_000_000)), cluster)
                writer.backend("live-\(number)", .state(.ready, at: WorldTime(milliseconds: 1)), cluster)
            }
        }
        let expected = Set(Self.clusters.flatMap { cluster in
            (0..<20).map { RetentionScan.Outdated.backend(BackendID(rawValue: "old-\($0)")!, cluster) }
        })
        #expect(Set(Self.all(in: writer.world, count: count)) == expected)
        for case .backend(let id, let cluster) in expected { writer.world.forget(id, in: cluster) }
        #expect(Self.all(in: writer.world, count: count).isEmpty)
        #expect(writer.world.backends(in: Self.clusters[0]).count == 40)
    }

    @Test("W12: finds the announcements of locks that nobody holds and nobody has wanted lately")
    func locks() {
        var writer = Writer()
        func announce(_ name: String, second: Int64) {
            let message = LockMessage(lock: LockName(rawValue: name)!, uid: LockUID(rawValue: 1), kind: .announce)
            writer.apply(.lock(message), Self.clusters[0], second: second)
        }
        announce("old", second: 999)
        announce("new", second: 1000)
        announce("held", second: 1)
        let lock = LockAssignment(lock: LockName(rawValue: "held")!, uid: LockUID(rawValue: 1))
        writer.backend("b", .assignment(BackendAssignment(drone: DroneID(rawValue: "d")!, lockAssignment: lock)), Self.clusters[0])
        let found = Self.all(in: writer.world, count: 10, rounds: 3)
        #expect(found == [.lock(LockName(rawValue: "old")!, Self.clusters[0], sequence: 1)])
    }

    @Test("W12: finds drones written off long ago, once nothing is assigned to them")
    func drones() {
        var writer = Writer()
        let (old, late, used) = (DroneID(rawValue: "old")!, DroneID(rawValue: "late")!, DroneID(rawValue: "used")!)
        for (drone, time) in [(old, 999_999), (late, 1_000_000), (used, 1)] as [(DroneID, Int64)] {
            writer.apply(
                .drone(DroneMessage(drone: drone, change: .state(.lost, at: WorldTime(milliseconds: time)))), Self.clusters[1])
        }
        writer.backend("b", .assignment(BackendAssignment(drone: used)), Self.clusters[1])
        let found = Self.all(in: writer.world, count: 10, rounds: 3)
        #expect(found == [.drone(old, Self.clusters[1])])
    }
}
