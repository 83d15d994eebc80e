import DroneStore
import PlaneProtocol
import Testing

@testable import DroneCore

@Suite struct ReconciliationPlanTests {
    private let us = DroneID.make("us")

    private func plan(
        _ containers: [ContainerListing], _ table: ReconciliationPlan.Table, strays: [String: Int64] = [:], now: Int64 = 1000
    ) -> ReconciliationPlan {
        .make(containers: containers, table: table, drone: self.us, strays: strays, now: now, grace: 90)
    }

    private func container(_ id: String, by drone: DroneID? = nil, runs: Bool = true) -> ContainerListing {
        ContainerListing(self.handle(id, by: drone ?? self.us), isRunning: runs)
    }

    private func handle(_ id: String, by drone: DroneID?, role: String? = nil) -> ContainerHandle {
        var handle = ContainerHandle(of: .make(id))
        handle.id = "container-\(id)"
        handle.labels[ContainerTemplate.droneLabel] = drone?.rawValue
        handle.labels[ContainerHandle.roleLabel] = role
        return handle
    }

    @Test("where everything agrees there is nothing to do")
    func agreement() {
        let table = ReconciliationPlan.Table(states: [.make(): .ready], supervised: [.make()], running: [.make()])
        #expect(self.plan([self.container("b-1")], table) == ReconciliationPlan())
    }

    @Test("A13, A14: a backend believed to run whose container has ended or is gone is looked at", arguments: [true, false])
    func missedExit(exists: Bool) {
        let table = ReconciliationPlan.Table(states: [.make(): .ready], supervised: [.make()], running: [.make()])
        #expect(self.plan(exists ? [self.container("b-1", runs: false)] : [], table).exitHints == [.make()])
    }

    @Test("a backend that is being created has no container yet, and that is right")
    func loading() {
        let table = ReconciliationPlan.Table(states: [.make(): .loading], supervised: [.make()], running: [])
        #expect(self.plan([], table) == ReconciliationPlan())
    }

    @Test("a live backend nobody runs is taken on, with or without container")
    func unsupervised() {
        let table = ReconciliationPlan.Table(states: [.make("a"): .loading, .make("b"): .ready], supervised: [], running: [])
        #expect(self.plan([self.container("b")], table).toTakeOn == [.make("a"), .make("b")])
    }

    @Test("A3: of ended backends only those with a container left are taken on, to be cleaned up")
    func ended() {
        let table = ReconciliationPlan.Table(states: [.make("a"): .swept, .make("b"): .exited], supervised: [], running: [])
        #expect(self.plan([self.container("b", runs: false)], table).toTakeOn == [.make("b")])
    }

    @Test("A25: a container of ours that is in no table is removed after the grace, and not before")
    func strays() {
        let table = ReconciliationPlan.Table(states: [:], supervised: [], running: [])
        let first = self.plan([self.container("stray")], table, now: 1000)
        #expect(first.toRemove.isEmpty)
        #expect(first.strays == ["container-stray": 1000])
        let second = self.plan([self.container("stray")], table, strays: first.strays, now: 1089)
        #expect(second.toRemove.isEmpty)
        let third = self.plan([self.container("stray")], table, strays: second.strays, now: 1090)
        #expect(third.toRemove.map(\.backend) == [.make("stray")])
    }

    @Test("a clock that was set back starts the grace anew instead of prolonging it")
    func clockSetBack() {
        let table = ReconciliationPlan.Table(states: [:], supervised: [], running: [])
        #expect(self.plan([self.container("stray")], table, strays: ["container-stray": 9999], now: 1000).strays == ["container-stray": 1000])
    }

    @Test("containers of other drones, of the reference, and of rows we cannot read are left alone")
    func notOurs() {
        let table = ReconciliationPlan.Table(states: [:], unreadable: ["garbled"], supervised: [], running: [])
        let containers = [
            self.container("theirs", by: .make("them")),
            ContainerListing(self.handle("reference", by: nil), isRunning: true),
            self.container("garbled"),
        ]
        let plan = self.plan(containers, table, strays: ["container-theirs": 0, "container-reference": 0, "container-garbled": 0])
        #expect(plan == ReconciliationPlan())
    }

    @Test("a container of ours that is there for another reason is spared, however long it is there and whosever label it has")
    func otherRoles() {
        let table = ReconciliationPlan.Table(states: [.make("b"): .swept], supervised: [], running: [])
        let spares = ["spare", "b"].map { ContainerListing(self.handle($0, by: self.us, role: "network-spare"), isRunning: true) }
        #expect(self.plan(spares, table, strays: ["container-spare": 0, "container-b": 0]) == ReconciliationPlan())
    }

    @Test("a container whose id a row has is that backend's, whatever its labels say", arguments: [true, false])
    func ownedByID(runs: Bool) {
        let spare = self.handle("spare", by: self.us, role: "network-spare")
        let table = ReconciliationPlan.Table(
            states: [.make("b"): .ready], containers: [.make("b"): spare], supervised: [.make("b")], running: [.make("b")])
        #expect(self.plan([ContainerListing(spare, isRunning: runs)], table).exitHints == (runs ? [] : [.make("b")]))
        let ended = ReconciliationPlan.Table(states: [.make("b"): .swept], containers: [.make("b"): spare], supervised: [], running: [])
        #expect(self.plan([ContainerListing(spare, isRunning: runs)], ended).toTakeOn == [.make("b")])
    }

    private func sandbox(_ id: String, by drone: DroneID? = nil, runs: Bool = true) -> ContainerListing {
        let labels = Sandbox.labels(drone: drone ?? self.us, make: "")
        return ContainerListing(ContainerHandle(id: id, name: "plane.sandbox-\(id)", labels: labels), isRunning: runs)
    }

    /// A backend's container with the network of that sandbox.
    private func container(_ id: String, in sandbox: String) -> ContainerListing {
        var listing = self.container(id)
        listing.container.sandbox = sandbox
        return listing
    }

    @Test("a sandbox that the pool has, that a container uses, or whose backend is cleaned up, is left; any other is removed after the grace")
    func sandboxes() {
        let used = self.container("b-1", in: "used")
        var clearing = self.handle("b-2", by: self.us)
        clearing.sandbox = "clearing"
        let table = ReconciliationPlan.Table(
            states: [.make("b-1"): .ready, .make("b-2"): .terminated], containers: [.make("b-1"): used.container, .make("b-2"): clearing],
            supervised: [.make("b-1"), .make("b-2")], running: [.make("b-1")], pooled: ["free", "plane.sandbox-new"])
        let left = ["used", "clearing", "free", "new", "stray"].map { self.sandbox($0) } + [self.sandbox("theirs", by: .make("them"))]
        let first = self.plan([used] + left, table)
        #expect(first.toRemove.isEmpty && first.strays == ["stray": 1000] && first.exitHints.isEmpty)
        #expect(self.plan([used] + left, table, strays: first.strays, now: 1090).toRemove.map(\.id) == ["stray"])
    }

    @Test("a parked container that the pool has, or that is a backend's, is left; any other of this drone is removed after the grace")
    func parked() {
        func parked(_ id: String, by drone: DroneID? = nil) -> ContainerListing {
            ContainerListing(self.handle(id, by: drone ?? self.us, role: ContainerHandle.parkedRole), isRunning: true)
        }
        let table = ReconciliationPlan.Table(
            states: [.make("b"): .ready], containers: [.make("b"): parked("used").container], supervised: [.make("b")], running: [.make("b")],
            pooled: ["container-free"])
        let all = ["used", "free", "stray"].map { parked($0) } + [parked("theirs", by: .make("them"))]
        let first = self.plan(all, table)
        #expect(first.toRemove.isEmpty && first.strays == ["container-stray": 1000] && first.exitHints.isEmpty && first.toTakeOn.isEmpty)
        #expect(self.plan(all, table, strays: first.strays, now: 1090).toRemove.map(\.id) == ["container-stray"])
    }

    @Test("a backend whose sandbox has ended or is gone is looked at", arguments: [true, false])
    func sandboxEnded(exists: Bool) {
        let container = self.container("b-1", in: "its")
        let table = ReconciliationPlan.Table(
            states: [.make(): .ready], containers: [.make(): container.container], supervised: [.make()], running: [.make()])
        #expect(self.plan([container, self.sandbox("its")], table).exitHints.isEmpty)
        #expect(self.plan([container] + (exists ? [self.sandbox("its", runs: false)] : []), table).exitHints == [.make()])
    }
}
