import PlaneProtocol
import Testing

@testable import SchedulerCore

@Suite("Roll call machine") struct InventoryMachineTests {
    static let drone = InventoryMachine.Drone(drone: .make(), cluster: TestCluster.name)

    static func after(_ seconds: Int64) -> StateTime { StateTime(milliseconds: 1_710_148_530_000 + seconds * 1000) }

    static func look(_ machine: inout InventoryMachine, at second: Int64, heard: Int64? = nil, differs: Bool = true) -> [InventoryMachine.Drone] {
        machine.update(with: differs ? [Self.drone: Self.after(heard ?? second)] : [:], now: Self.after(second))
    }

    @Test("a difference that passes is no reason to ask")
    func passing() {
        var machine = InventoryMachine()
        #expect(Self.look(&machine, at: 0).isEmpty)
        #expect(Self.look(&machine, at: 5).isEmpty)
        #expect(Self.look(&machine, at: 10, differs: false).isEmpty)
        #expect(machine.count == 0)
        #expect(Self.look(&machine, at: 15).isEmpty)
    }

    @Test("a difference that lasts is, but only if the drone has said its number again")
    func lasting() {
        var machine = InventoryMachine()
        #expect(Self.look(&machine, at: 0).isEmpty)
        #expect(Self.look(&machine, at: 15, heard: 0).isEmpty)
        #expect(Self.look(&machine, at: 15, heard: 14) == [Self.drone])
        #expect(Self.look(&machine, at: 20).isEmpty, "not asked again so soon")
        #expect(Self.look(&machine, at: 75) == [Self.drone])
    }

    @Test("S5: a backend the drone does not run is written off when it is missing a second time, not the first")
    func missing() {
        var machine = InventoryMachine()
        _ = Self.look(&machine, at: 0)
        _ = Self.look(&machine, at: 15)
        #expect(machine.answered(Self.drone, missing: [.make("a"), .make("b")], now: Self.after(15)).isEmpty)
        #expect(Self.look(&machine, at: 20).isEmpty)
        #expect(Self.look(&machine, at: 27) == [Self.drone], "sooner, because something is amiss")
        #expect(machine.answered(Self.drone, missing: [.make("b"), .make("c")], now: Self.after(27)) == [.make("b")])
    }

    @Test("what was missing before the numbers agreed counts no more")
    func agreed() {
        var machine = InventoryMachine()
        _ = Self.look(&machine, at: 0)
        _ = Self.look(&machine, at: 15)
        _ = machine.answered(Self.drone, missing: [.make("a")], now: Self.after(15))
        _ = Self.look(&machine, at: 20, differs: false)
        #expect(machine.answered(Self.drone, missing: [.make("a")], now: Self.after(21)).isEmpty)
    }
}
