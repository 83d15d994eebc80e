import PlaneProtocol
import Testing

@testable import SchedulerCore

/// Walks every path through the machine, with every outcome of every action, and looks at each end.
@Suite("Every path through the schedule machine") struct ScheduleMachineWalkTests {
    /// What has happened on the way, kept apart from the machine's own notes.
    struct History {
        var announcementMayStand = false
        var assignmentMayStand = false
        /// A drone may run the backend.
        var mayRun = false
        var waits = 0
        var hasLock = false
        /// The lock was seen held by a backend whose drone has spoken.
        var isHeld = false
    }

    /// What the walk has come across.
    struct Findings {
        var ends = 0
        var wrong: [String] = []
    }

    static let sights: [LockView?] = [
        nil, .free(lastAnnouncement: 3), .announced(at: 4), .held(ScheduleMachineTests.holder),
        .held(LockView.Holder(backend: ScheduleMachineTests.own, drone: .make("drone-1"))),
        .assigned(ScheduleMachineTests.holder), .assigned(LockView.Holder(backend: ScheduleMachineTests.own, drone: .make("drone-1"))),
    ]
    static let answers: [SpawnAnswer] = [
        .accepted, .refused(nil), .refused(ErrorReply(code: .notPermitted, message: "no")), .nobody, .silent, .undecided(nil),
        .undecided(ErrorReply(code: .notPermitted, message: "no")),
    ]

    @Test(
        "ends, and leaves nothing behind that looks alive",
        arguments: [(id: false, lock: false), (id: true, lock: false), (id: false, lock: true), (id: true, lock: true)])
    func walk(id: Bool, lock: Bool) {
        var findings = Findings()
        for isKnown in [false, true] {
            for lockView in lock ? Self.sights.compactMap({ $0 }).map(Optional.some) : [nil] {
                var machine = ScheduleMachineTests.machine(id: id ? ScheduleMachineTests.own : nil, lock: lock, dronesAsked: 2)
                let action = machine.begin(isKnown: isKnown, lockView: lockView)
                Self.follow(machine, action, History(hasLock: lock, isHeld: Self.isHeld(lockView)), &findings)
            }
        }
        #expect(findings.wrong.isEmpty)
        #expect(findings.ends > (lock ? 100 : 20))
    }

    static func follow(_ machine: ScheduleMachine, _ action: ScheduleMachine.Action, _ history: History, _ findings: inout Findings) {
        func go(_ history: History, _ event: (inout ScheduleMachine) -> ScheduleMachine.Action) {
            var machine = machine
            let next = event(&machine)
            self.follow(machine, next, history, &findings)
        }
        var history = history
        switch action {
        case .announce:
            history.announcementMayStand = true
            for outcome in [WriteOutcome.stored(9), .failed("full")] { go(history) { $0.announced(outcome) } }
            history.announcementMayStand = false
            go(history) { $0.announced(.conflict) }
        case .awaitLock:
            // Others could go on taking the lock and giving it back; the driver's clock ends that.
            history.waits += 1
            for lockView in history.waits < 3 ? self.sights : [nil] {
                history.isHeld = self.isHeld(lockView)
                go(history) { $0.lockChanged(lockView) }
            }
        case .awaitEcho:
            for lockView in self.sights {
                history.isHeld = self.isHeld(lockView)
                go(history) { $0.echoed(lockView) }
            }
        case .chooseDrone(let excluded):
            for drone in [nil, DroneID.make("drone-\(excluded.count + 1)")] { go(history) { $0.chosen(drone) } }
        case .assign(_, let expected):
            history.assignmentMayStand = true
            for outcome in [WriteOutcome.stored(10), .failed("full")] { go(history) { $0.assigned(outcome) } }
            history.assignmentMayStand = false
            if expected != nil { go(history) { $0.assigned(.conflict) } }
        case .assignAndAsk:
            history.assignmentMayStand = true
            for answer in self.answers {
                history.mayRun = answer.mayRun
                for outcome in [WriteOutcome.stored(10), .failed("full")] { go(history) { $0.assignedAndAnswered(outcome, answer) } }
            }
        case .ask:
            let mayRun = history.mayRun
            for answer in self.answers {
                switch answer {
                case .accepted, .silent, .undecided: history.mayRun = true
                case .refused: history.mayRun = false
                case .nobody: history.mayRun = mayRun
                }
                go(history) { $0.answered(answer) }
            }
        case .finish(let reply, let cleanup):
            findings.ends += 1
            findings.wrong += self.objections(to: reply, cleanup, history)
        }
    }

    static func isHeld(_ lockView: LockView?) -> Bool {
        if case .held = lockView { true } else { false }
    }

    static func objections(to reply: ScheduleReply, _ cleanup: ScheduleMachine.PendingCleanup, _ history: History) -> [String] {
        var wrong: [String] = []
        if case .scheduled(let backend) = reply, !backend.spawned, backend.backendID == ScheduleMachineTests.holder.backend, !history.isHeld {
            wrong.append("a holder that nobody has heard of is the answer")
        }
        if case .scheduled(let backend) = reply, backend.spawned {
            if !history.mayRun { wrong.append("said to be spawned, and nobody runs it") }
            if !history.assignmentMayStand { wrong.append("said to be spawned, and the fleet does not know it") }
            if cleanup != .nothing { wrong.append("spawned and tidied up") }
            return wrong
        }
        if cleanup.terminate != history.mayRun { wrong.append("terminate is \(cleanup.terminate), may run is \(history.mayRun)") }
        // A holder that may run keeps its lock until its drone says that it has ended.
        let mustBeMarkedLost = history.assignmentMayStand && !(history.hasLock && history.mayRun)
        if cleanup.markLost != mustBeMarkedLost { wrong.append("write-off is \(cleanup.markLost) after \(reply)") }
        if (cleanup.revoke != nil) != history.announcementMayStand { wrong.append("revoke is \(String(describing: cleanup.revoke)) after \(reply)") }
        return wrong
    }
}
