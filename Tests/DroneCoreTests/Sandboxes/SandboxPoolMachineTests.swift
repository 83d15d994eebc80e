import PlaneProtocol
import Testing

@testable import DroneCore

@Suite struct SandboxPoolMachineTests {
    private static func sandbox(_ number: Int) -> Sandbox { Sandbox(id: "id-\(number)", name: "name-\(number)") }

    /// One that works, with as many ready as it has room for.
    private func full(_ size: Int) -> SandboxPoolMachine {
        var machine = SandboxPoolMachine(size: size)
        machine.open(runtime: "crun", adopted: (0..<size).map(Self.sandbox))
        return machine
    }

    private func next(_ machine: inout SandboxPoolMachine, at seconds: Double = 0) -> SandboxPoolMachine.Step? {
        machine.next(now: .seconds(seconds), name: "new")
    }

    @Test("before it is known that sandboxes work, nothing is made and nobody gets one")
    func closed() {
        var machine = SandboxPoolMachine(size: 2)
        #expect(self.next(&machine) == nil)
        #expect(machine.claim(for: .make(), now: .zero) == nil)
    }

    @Test("it is filled one by one")
    func filling() {
        var machine = SandboxPoolMachine(size: 2)
        machine.open(runtime: nil, adopted: [])
        for number in 0..<2 {
            #expect(self.next(&machine) == .make("new"))
            #expect(machine.known.contains("new"))
            #expect(self.next(&machine) == nil, "one at a time")
            machine.made(Self.sandbox(number))
        }
        #expect(self.next(&machine) == nil)
        #expect(machine.known == ["id-0", "id-1"])
    }

    @Test("the oldest is given away first; who comes when none is left starts by the runtime that was found to work")
    func claims() {
        var machine = self.full(2)
        #expect(machine.claim(for: .make("a"), now: .zero) == Shortcut(runtime: "crun", sandbox: Self.sandbox(0)))
        #expect(machine.claim(for: .make("b"), now: .zero) == Shortcut(runtime: "crun", sandbox: Self.sandbox(1)))
        #expect(machine.claim(for: .make("c"), now: .zero) == Shortcut(runtime: "crun"))
    }

    @Test("none is made while a start is under way, nor right after it; after some seconds without a pause one is")
    func yielding() {
        var machine = self.full(1)
        _ = machine.claim(for: .make("a"), now: .zero)
        #expect(self.next(&machine) == .wait(.milliseconds(250)))
        #expect(machine.startEnded(of: .make("a"), well: true, now: .seconds(1)) == .shortcut)
        #expect(self.next(&machine, at: 1.125) == .wait(.milliseconds(125)))
        var busy = machine
        #expect(self.next(&machine, at: 1.25) == .make("new"))

        _ = busy.claim(for: .make("b"), now: .seconds(1.2))
        #expect(self.next(&busy, at: 4.9) == .wait(.milliseconds(250)))
        #expect(self.next(&busy, at: 5) == .make("new"))
    }

    @Test("a start that is given up, or never heard of again, holds up nothing")
    func abandoned() {
        var machine = self.full(1)
        _ = machine.claim(for: .make("a"), now: .zero)
        machine.startAbandoned(of: .make("a"))
        #expect(self.next(&machine) == .make("new"))
        machine = self.full(1)
        _ = machine.claim(for: .make("a"), now: .zero)
        #expect(self.next(&machine, at: 120) == .make("new"))
    }

    @Test("one that was not used is the next one; one that cannot be is removed and replaced")
    func givenBack() {
        var machine = self.full(2)
        _ = machine.claim(for: .make("a"), now: .zero)
        machine.giveBack(Self.sandbox(0))
        machine.startAbandoned(of: .make("a"))
        #expect(self.next(&machine) == nil)
        #expect(machine.claim(for: .make("b"), now: .zero)?.sandbox == Self.sandbox(0))
        machine.startAbandoned(of: .make("b"))
        machine.discard("id-1")
        #expect(self.next(&machine) == .remove("id-1"))
        #expect(self.next(&machine) == .make("new"))
        #expect(machine.free.isEmpty)
    }

    @Test("what of one that could not be made may be there is removed, and another is made")
    func makingFails() {
        var machine = SandboxPoolMachine(size: 1)
        machine.open(runtime: nil, adopted: [])
        #expect(self.next(&machine) == .make("new"))
        machine.makingFailed()
        #expect(self.next(&machine) == .remove("new"))
        #expect(self.next(&machine) == .make("new"))
    }

    @Test("a drone that is drained keeps none, and fills up when it is not any more; what is too many is removed")
    func draining() {
        var machine = self.full(1)
        machine.isDraining = true
        #expect(self.next(&machine) == .remove("id-0"))
        #expect(self.next(&machine) == nil)
        machine.isDraining = false
        #expect(self.next(&machine) == .make("new"))
        machine = SandboxPoolMachine(size: 1)
        machine.open(runtime: nil, adopted: [Self.sandbox(0), Self.sandbox(1)])
        #expect(self.next(&machine) == .remove("id-1"))
        #expect(self.next(&machine) == nil)
    }

    @Test("three backends in a row that started without a sandbox and not with one end it; images that start neither way do not")
    func distrust() {
        var machine = self.full(1)
        func fail(_ id: String, plainly: Bool) -> SandboxPoolMachine.Verdict {
            _ = machine.claim(for: .make(id), now: .zero)
            #expect(machine.startEnded(of: .make(id), well: false, now: .zero) == .shortcut)
            return machine.startEnded(of: .make(id), well: plainly, now: .zero)
        }
        for number in 0..<5 { #expect(fail("broken-\(number)", plainly: false) == .plain) }
        #expect(fail("a", plainly: true) == .plain)
        #expect(fail("b", plainly: true) == .plain)
        _ = machine.claim(for: .make("good"), now: .zero)
        #expect(machine.startEnded(of: .make("good"), well: true, now: .zero) == .shortcut)
        #expect(fail("c", plainly: true) == .plain)
        #expect(fail("d", plainly: true) == .plain)
        #expect(fail("e", plainly: true) == .distrusted)
        #expect(machine.claim(for: .make("f"), now: .zero) == nil)
        #expect(machine.usable == nil)
    }
}
