import NetworkAddresses
import PlaneProtocol
import Testing

@testable import DroneCore

/// Lives of backends, told as conversations.
@Suite struct BackendMachineTests {
    private let ip = IPAddress.v4(0x0A00_0002)

    @Test("the short way: no question about the image, one look, ready on the first answer")
    func shortWay() {
        var machine = BackendMachine(.admitted, pullPolicy: .ifNotPresent, port: 9000)
        let address = ContainerAddress(ip: self.ip, port: 9000)
        #expect(machine.handle(.begin) == [.create(plainly: false)])
        #expect(machine.handle(.created) == [.start])
        #expect(machine.handle(.started) == [.inspect, .record(.starting, route: nil)])
        #expect(machine.handle(.inspected(.running(self.ip))) == [.probe(address), .followLogs])
        #expect(machine.handle(.answered) == [.record(.ready, route: address), .watchIdle(address)])
        #expect(machine.handle(.wentIdle) == [.stop(.soft)])
        #expect(machine.handle(.stopped) == [.recordEnd(BackendOutcome(.swept, .idle)), .drainLogs(note: nil)])
        #expect(machine.handle(.logsDrained) == [.remove])
        #expect(machine.handle(.removed) == [.finish])
    }

    @Test("policy Always pulls before it creates, once")
    func pullAlways() {
        var machine = BackendMachine(.admitted, pullPolicy: .always, port: 80)
        #expect(machine.handle(.begin) == [.pull])
        #expect(machine.handle(.pulled) == [.create(plainly: false)])
        let failure = BackendEngineError(.imageMissing, "gone again")
        #expect(machine.handle(.createFailed(failure)).first == .recordEnd(BackendOutcome(.errorLoading, .imageMissing, message: "gone again")))
    }

    @Test("policy Never does not pull, whatever is missing")
    func pullNever() {
        var machine = BackendMachine(.admitted, pullPolicy: .never, port: 80)
        #expect(machine.handle(.begin) == [.create(plainly: false)])
        let actions = machine.handle(.createFailed(BackendEngineError(.imageMissing, "no such image")))
        #expect(!actions.contains(.pull))
        #expect(actions.first == .recordEnd(BackendOutcome(.errorLoading, .imageMissing, message: "no such image")))
    }

    @Test("A4: an agent that comes back to a Loading backend takes over the container it finds")
    func resumeLoading() {
        var machine = BackendMachine(.loading, pullPolicy: .ifNotPresent, port: 80)
        #expect(machine.handle(.begin) == [.inspect])
        #expect(machine.handle(.inspected(.created)) == [.start])
        #expect(machine.handle(.started).contains(.inspect))
    }

    @Test("A5: an image that cannot be started leaves no container")
    func errorLoadingCleansUp() {
        var machine = BackendMachine(.admitted, pullPolicy: .ifNotPresent, port: 80)
        _ = machine.handle(.begin)
        _ = machine.handle(.created)
        let actions = machine.handle(.startFailed(BackendEngineError(.refused, "exec: no such file")))
        #expect(actions.last == .drainLogs(note: "exec: no such file"))
        #expect(machine.handle(.logsDrained) == [.remove])
    }

    @Test("A7: a container that dies while its start returns is an error of starting, not of loading")
    func diesAtOnce() {
        var machine = BackendMachine(.admitted, pullPolicy: .ifNotPresent, port: 80)
        _ = machine.handle(.begin)
        _ = machine.handle(.created)
        #expect(machine.handle(.exitHint).isEmpty)  // the die event overtook the answer to start
        #expect(machine.handle(.started) == [.inspect, .record(.starting, route: nil)])
        let actions = machine.handle(.inspected(.exited(code: 1, outOfMemory: false)))
        guard case .recordEnd(let outcome)? = actions.first else {
            Issue.record("no end was recorded")
            return
        }
        #expect(outcome.state == .errorStarting)
    }

    @Test("A14: a ready backend whose container was removed has failed")
    func containerRemoved() {
        var machine = BackendMachine(.ready, pullPolicy: .ifNotPresent, port: 80)
        _ = machine.handle(.begin)
        _ = machine.handle(.inspected(.running(self.ip)))
        #expect(machine.handle(.exitHint) == [.inspect])
        _ = machine.handle(.inspected(.absent))
        guard case .ending(let outcome, _) = machine.state else {
            Issue.record("it goes on")
            return
        }
        #expect(outcome.state == .failed)
        #expect(outcome.cause == .vanished)
    }

    @Test("A26: a container made after the backend was terminated is removed")
    func terminatedWhileCreating() {
        var machine = BackendMachine(.admitted, pullPolicy: .ifNotPresent, port: 80)
        _ = machine.handle(.begin)
        let outcome = BackendOutcome(.terminated, .requested)
        #expect(machine.handle(.terminate(.soft)) == [.recordEnding(outcome)])
        #expect(machine.handle(.created) == [.recordEnd(outcome), .drainLogs(note: nil)])
        #expect(machine.handle(.logsDrained) == [.remove])
    }

    @Test("a second end changes nothing: the first stands")
    func firstEndStands() {
        var machine = BackendMachine(.ready, pullPolicy: .ifNotPresent, port: 80)
        _ = machine.handle(.begin)
        _ = machine.handle(.inspected(.running(self.ip)))
        _ = machine.handle(.wentIdle)
        #expect(machine.handle(.terminate(.soft)).isEmpty)
        #expect(machine.handle(.inspected(.exited(code: 137, outOfMemory: false))).isEmpty)
        #expect(machine.state == .ending(BackendOutcome(.swept, .idle), .stopping))
    }

    @Test(
        "the log ends with the exit code, in the reference's words, unless it is 0",
        arguments: [(0, nil), (2, "Backend exit code: 2"), (137, "Backend exit code: 137"), (-1, "Backend exit code: -1")]
            as [(Int64, String?)])
    func exitCodeLine(code: Int64, note: String?) {
        var machine = BackendMachine(.ready, pullPolicy: .ifNotPresent, port: 80)
        _ = machine.handle(.begin)
        #expect(machine.handle(.inspected(.exited(code: code, outOfMemory: false))).last == .drainLogs(note: note))
    }

    private func ending(_ outcome: BackendOutcome) -> BackendMachine {
        var machine = BackendMachine(.ready, pullPolicy: .ifNotPresent, port: 80)
        _ = machine.handle(.begin)
        _ = machine.handle(.inspected(.running(self.ip)))
        _ = outcome.cause == .idle ? machine.handle(.wentIdle) : machine.handle(.terminate(.soft))
        return machine
    }

    @Test("a hard request kills a backend that is being ended softly, whatever for, once; and tells it", arguments: [BackendCause.idle, .requested])
    func hardAfterSoft(cause: BackendCause) {
        let outcome = BackendOutcome(cause == .idle ? .swept : .terminated, cause)
        var machine = self.ending(outcome)
        var hard = outcome
        hard.isHard = true
        #expect(machine.handle(.terminate(.hard)) == [.recordEnding(hard), .stop(.hard)])
        #expect(machine.handle(.terminate(.hard)).isEmpty)
        #expect(machine.handle(.terminate(.soft)).isEmpty, "nothing slows it down")
        #expect(machine.handle(.stopped) == [.recordEnd(hard), .drainLogs(note: nil)])
        #expect(machine.handle(.stopped).isEmpty, "both stops come to their end")
    }

    @Test("a hard request kills at once, also what is still being made")
    func hard() {
        let outcome = BackendOutcome(.terminated, .requested, isHard: true)
        var running = BackendMachine(.ready, pullPolicy: .ifNotPresent, port: 80)
        _ = running.handle(.begin)
        _ = running.handle(.inspected(.running(self.ip)))
        #expect(running.handle(.terminate(.hard)) == [.recordEnding(outcome), .stop(.hard)])

        var starting = BackendMachine(.admitted, pullPolicy: .ifNotPresent, port: 80)
        _ = starting.handle(.begin)
        _ = starting.handle(.created)
        #expect(starting.handle(.terminate(.soft)) == [.recordEnding(BackendOutcome(.terminated, .requested))])
        #expect(starting.handle(.terminate(.hard)) == [.recordEnding(outcome)])
        #expect(starting.handle(.started) == [.stop(.hard)])
    }

    @Test("a lifetime that is over ends a backend softly, in whatever state it is")
    func lifetime() {
        let outcome = BackendOutcome(.swept, .lifetime)
        for state in [BackendMachine.State.ready(.rejoining), .starting(.locating)] {
            var machine = BackendMachine.make(state)
            #expect(machine.handle(.lifetimeOver) == [.recordEnding(outcome), .stop(.soft)])
        }
        var pulling = BackendMachine.make(.loading(.pulling(.init())))
        #expect(pulling.handle(.lifetimeOver) == [.cancelWork, .recordEnd(outcome), .drainLogs(note: nil)])
        var ended = BackendMachine.make(.ended(BackendOutcome(.exited, .exitedByItself)))
        #expect(ended.handle(.lifetimeOver).isEmpty)
    }
}
