import PlaneProtocol
import Testing

@testable import DroneCore

@Suite struct ReconciliationPlanTests {
    private let us = DroneID.make("us")

    private func plan(
        _ containers: [ContainerListing], _ table: ReconciliationPlan.Table, strays: [BackendID: Int64] = [:], now: Int64 = 1000
    ) -> ReconciliationPlan {
        .make(containers: containers, table: table, drone: self.us, strays: strays, now: now, grace: 90)
    }

    private func container(_ id: String, by drone: DroneID? = nil, runs: Bool = true) -> ContainerListing {
        ContainerListing(backend: .make(id), drone: drone ?? self.us, isRunning: runs)
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
        #expect(first.strays == [.make("stray"): 1000])
        let second = self.plan([self.container("stray")], table, strays: first.strays, now: 1089)
        #expect(second.toRemove.isEmpty)
        let third = self.plan([self.container("stray")], table, strays: second.strays, now: 1090)
        #expect(third.toRemove == [.make("stray")])
    }

    @Test("a clock that was set back starts the grace anew instead of prolonging it")
    func clockSetBack() {
        let table = ReconciliationPlan.Table(states: [:], supervised: [], running: [])
        #expect(self.plan([self.container("stray")], table, strays: [.make("stray"): 9999], now: 1000).strays == [.make("stray"): 1000])
    }

    @Test("containers of other drones, of the reference, and of rows we cannot read are left alone")
    func notOurs() {
        let table = ReconciliationPlan.Table(states: [:], unreadable: ["garbled"], supervised: [], running: [])
        let containers = [
            self.container("theirs", by: .make("them")),
            ContainerListing(backend: .make("reference"), drone: nil, isRunning: true),
            self.container("garbled"),
        ]
        let plan = self.plan(containers, table, strays: [.make("theirs"): 0, .make("reference"): 0, .make("garbled"): 0])
        #expect(plan == ReconciliationPlan())
    }
}
