import PlaneProtocol
import Testing

@testable import PlaneState

@Suite("Retention scan") struct RetentionScanTests {
    static let clusters = ["a.test", "b.test"].map { ClusterName(rawValue: $0)! }
    static let limits = RetentionScan.Limits(
        endedBefore: StateTime(milliseconds: 1_000_000), lostBefore: StateTime(milliseconds: 1_000_000), unusedBefore: StateTime(milliseconds: 1_000_000))

    /// Everything a scan finds on its way round.
    static func all(in fleet: FleetState, count: Int, rounds: Int = 200) -> [RetentionScan.Outdated] {
        var scan = RetentionScan()
        return (0..<rounds).flatMap { _ in scan.next(in: fleet, self.limits, count: count) }
    }

    struct Writer {
        var fleet = FleetState()
        private var sequence: UInt64 = 0

        mutating func apply(_ change: ClusterStateMessage, _ cluster: ClusterName, second: Int64 = 0) {
            self.sequence += 1
            self.fleet.apply(.cluster(cluster, change), sequence: self.sequence, published: WireTime(seconds: second))
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
                writer.backend("old-\(number)", .state(.swept, at: StateTime(milliseconds: 999_999)), cluster)
                writer.backend("new-\(number)", .state(.swept, at: StateTime(milliseconds: 1_000_000)), cluster)
                writer.backend("live-\(number)", .state(.ready, at: StateTime(milliseconds: 1)), cluster)
            }
        }
        let expected = Set(
            Self.clusters.flatMap { cluster in
                (0..<20).map { RetentionScan.Outdated.backend(BackendID(rawValue: "old-\($0)")!, cluster) }
            })
        #expect(Set(Self.all(in: writer.fleet, count: count)) == expected)
        for case .backend(let id, let cluster) in expected { writer.fleet.forget(id, in: cluster) }
        #expect(Self.all(in: writer.fleet, count: count).isEmpty)
        #expect(writer.fleet.backends(in: Self.clusters[0]).count == 40)
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
        let found = Self.all(in: writer.fleet, count: 10, rounds: 3)
        #expect(found == [.lock(LockName(rawValue: "old")!, Self.clusters[0], sequence: 1)])
    }

    @Test("finds revocations that are left without their announcement")
    func revocations() {
        var writer = Writer()
        let message = LockMessage(lock: LockName(rawValue: "old")!, uid: LockUID(rawValue: 1), kind: .revoke)
        writer.apply(.lock(message), Self.clusters[0], second: 999)
        #expect(Self.all(in: writer.fleet, count: 10, rounds: 3) == [.lock(LockName(rawValue: "old")!, Self.clusters[0], sequence: 0)])
        #expect(writer.fleet.messages(of: LockName(rawValue: "old")!, in: Self.clusters[0]) == [1])
        writer.fleet.forget(LockName(rawValue: "old")!, in: Self.clusters[0])
        #expect(Self.all(in: writer.fleet, count: 10, rounds: 3).isEmpty)
    }

    @Test("a lock that no backend has got is outdated sooner than one whose backend has ended")
    func unusedLocks() {
        var writer = Writer()
        let drone = DroneID(rawValue: "d")!
        for name in ["unused", "ended", "held"] {
            let lock = LockName(rawValue: name)!
            writer.apply(.lock(LockMessage(lock: lock, uid: LockUID(rawValue: 1), kind: .announce)), Self.clusters[0], second: 1500)
            guard name != "unused" else { continue }
            let assignment = BackendAssignment(drone: drone, lockAssignment: LockAssignment(lock: lock, uid: LockUID(rawValue: 1)))
            writer.backend("b-\(name)", .assignment(assignment), Self.clusters[0])
        }
        writer.backend("b-ended", .state(.swept, at: StateTime(milliseconds: 1_500_000)), Self.clusters[0])
        var limits = Self.limits
        limits.unusedBefore = StateTime(milliseconds: 2_000_000)
        var scan = RetentionScan()
        let found = (0..<3).flatMap { _ in scan.next(in: writer.fleet, limits, count: 10) }
        #expect(found == [.lock(LockName(rawValue: "unused")!, Self.clusters[0], sequence: 1)])
    }

    @Test("knows where a lock's messages stand")
    func lockMessages() {
        var writer = Writer()
        let lock = LockName(rawValue: "l")!
        for kind in [.announce, .revoke, .announce] as [LockMessage.Kind] {
            writer.apply(.lock(LockMessage(lock: lock, uid: LockUID(rawValue: 1), kind: kind)), Self.clusters[0])
        }
        #expect(writer.fleet.messages(of: lock, in: Self.clusters[0]) == [3, 2])
    }

    @Test("knows where everything about a backend stands, its assignment first and its end last, and who ended where")
    func messages() {
        var writer = Writer()
        let (id, drone) = (BackendID(rawValue: "b")!, DroneID(rawValue: "d")!)
        let lock = LockAssignment(lock: LockName(rawValue: "l")!, uid: LockUID(rawValue: 1))
        writer.backend("b", .assignment(BackendAssignment(drone: drone)), Self.clusters[0])
        writer.backend("b", .assignment(BackendAssignment(drone: drone, lockAssignment: lock)), Self.clusters[0])
        for state in [.loading, .starting, .ready, .swept, .lost, .ready] as [BackendState] {
            writer.backend("b", .state(state, at: StateTime(milliseconds: 1)), Self.clusters[0])
        }
        #expect(writer.fleet.messages(of: id, in: Self.clusters[0]) == [2, 1, 3, 4, 5, 6, 8, 7])
        #expect(writer.fleet.backend(endedAt: 7)?.backend == id)
        for sequence in [1, 3, 6, 8, 99] as [UInt64] { #expect(writer.fleet.backend(endedAt: sequence) == nil) }
        writer.fleet.forget(id, in: Self.clusters[0])
        #expect(writer.fleet.messages(of: id, in: Self.clusters[0]) == [])
        #expect(writer.fleet.backend(endedAt: 7) == nil)
        // In the same slot of the table.
        writer.backend("c", .state(.swept, at: StateTime(milliseconds: 1)), Self.clusters[0])
        #expect(writer.fleet.backend(endedAt: 7) == nil)
        #expect(writer.fleet.backend(endedAt: 9)?.backend == BackendID(rawValue: "c")!)
    }

    @Test("does not grow with a backend that is written about without end, and says that it does not know all")
    func endless() {
        var writer = Writer()
        for _ in 0..<1000 { writer.backend("b", .state(.ready, at: StateTime(milliseconds: 1)), Self.clusters[0]) }
        #expect(writer.fleet.messages(of: BackendID(rawValue: "b")!, in: Self.clusters[0]) == nil)
    }

    @Test("finds who ended where among many, most of whom are forgotten")
    func manyEnds() {
        var writer = Writer()
        for number in 0..<10_000 {
            writer.backend("b-\(number)", .state(.swept, at: StateTime(milliseconds: 1)), Self.clusters[0])
            if number % 10 != 0 { writer.fleet.forget(BackendID(rawValue: "b-\(number)")!, in: Self.clusters[0]) }
        }
        for number in 0..<10_000 {
            let found = writer.fleet.backend(endedAt: UInt64(number + 1))?.backend
            #expect(found == (number % 10 == 0 ? BackendID(rawValue: "b-\(number)")! : nil))
        }
    }

    @Test("W12: finds drones written off long ago, once nothing is assigned to them")
    func drones() {
        var writer = Writer()
        let (old, late, used) = (DroneID(rawValue: "old")!, DroneID(rawValue: "late")!, DroneID(rawValue: "used")!)
        for (drone, time) in [(old, 999_999), (late, 1_000_000), (used, 1)] as [(DroneID, Int64)] {
            writer.apply(
                .drone(DroneMessage(drone: drone, change: .state(.lost, at: StateTime(milliseconds: time)))), Self.clusters[1])
        }
        writer.backend("b", .assignment(BackendAssignment(drone: used)), Self.clusters[1])
        let found = Self.all(in: writer.fleet, count: 10, rounds: 3)
        #expect(found == [.drone(old, Self.clusters[1])])
    }
}
