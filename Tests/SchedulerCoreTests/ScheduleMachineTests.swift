import PlaneProtocol
import Testing

@testable import SchedulerCore

@Suite("Schedule machine") struct ScheduleMachineTests {
    static let uid = LockUID(rawValue: 7)
    static let announcement = LockMessage(lock: .make(), uid: uid, kind: .announce)
    static let revocation = LockMessage(lock: .make(), uid: uid, kind: .revoke)
    static let own = BackendID.make("own")
    static let holder = LockView.Holder(backend: .make("holder"), drone: .make("drone-h"), bearerToken: "held")

    static func machine(id: BackendID? = nil, lock: Bool = false, token: Bool = false, dronesAsked: Int = 5) -> ScheduleMachine {
        var limits = ScheduleLimits()
        limits.dronesAsked = dronesAsked
        return ScheduleMachine(
            .make(id: id, lock: lock ? .make() : nil, token: token), backend: self.own, bearerToken: "t", uid: self.uid, limits: limits)
    }

    static func assignment(_ drone: DroneID, lock: Bool = false, token: Secret? = nil) -> BackendAssignment {
        BackendAssignment(
            drone: drone, bearerToken: token, lockAssignment: lock ? LockAssignment(lock: .make(), uid: self.uid) : nil)
    }

    static func spawn(_ drone: DroneID, token: Secret? = nil, id: BackendID = own, lock: Bool = false) -> SpawnRequest {
        let request = ScheduleRequest.make()
        return SpawnRequest(
            cluster: request.cluster, droneID: drone, maxIdle: request.maxIdle, backendID: id, metadata: request.metadata,
            executable: request.executable, bearerToken: token,
            lockAssignment: lock ? LockAssignment(lock: .make(), uid: self.uid) : nil)
    }

    static func spawned(_ drone: DroneID, token: Secret? = nil, id: BackendID = own) -> ScheduleMachine.Action {
        .finish(.scheduled(ScheduledBackend(drone: drone, backendID: id, bearerToken: token, spawned: true)), .nothing)
    }

    static func error(_ action: ScheduleMachine.Action) -> ErrorReply.Code? {
        guard case .finish(.error(let reply), _) = action else { return nil }
        return reply.code
    }

    // MARK: Without a lock

    @Test("a new backend is assigned and asked for at the same time, with the token in both")
    func plain() {
        var machine = Self.machine(token: true)
        #expect(machine.begin(isKnown: false, lockView: nil) == .chooseDrone(excluding: []))
        #expect(machine.chosen(.make("a")) == .assignAndAsk(Self.assignment(.make("a"), token: "t"), Self.spawn(.make("a"), token: "t")))
        #expect(machine.assignedAndAnswered(.stored(1), .accepted) == Self.spawned(.make("a"), token: "t"))
    }

    @Test("an id under which programs look for settings by themselves is refused", arguments: ["wpad", "isatap", "autoconfig", "localhost", "mta-sts"])
    func reservedID(id: String) {
        var machine = Self.machine(id: .make(id))
        #expect(Self.error(machine.begin(isKnown: false, lockView: nil)) == .notPermitted)
        // What holds a lock already is told as ever.
        var locked = Self.machine(id: .make(id), lock: true)
        guard case .finish(.scheduled, .nothing) = locked.begin(isKnown: true, lockView: .held(Self.holder)) else {
            Issue.record("the holder was not told")
            return
        }
    }

    @Test("so is a subdomain", arguments: ["wpad", "autodiscover"])
    func reservedSubdomain(name: String) {
        var request = ScheduleRequest.make()
        request.terms.subdomain = Subdomain(rawValue: name)
        var machine = ScheduleMachine(request, backend: .make("one"), bearerToken: Secret("t"), uid: LockUID(rawValue: 1), limits: ScheduleLimits())
        #expect(Self.error(machine.begin(isKnown: false, lockView: nil)) == .notPermitted)
    }

    @Test("an id the client chose is reserved before anybody is asked")
    func chosenID() {
        var machine = Self.machine(id: .make("mine"))
        _ = machine.begin(isKnown: false, lockView: nil)
        #expect(machine.chosen(.make("a")) == .assign(Self.assignment(.make("a")), expecting: 0))
        #expect(machine.assigned(.stored(1)) == .ask(Self.spawn(.make("a"), id: .make("mine"))))
        #expect(machine.answered(.accepted) == Self.spawned(.make("a"), id: .make("mine")))
    }

    @Test("W9: an id the fleet knows is refused before anything is done")
    func knownID() {
        var machine = Self.machine(id: .make("mine"))
        #expect(Self.error(machine.begin(isKnown: true, lockView: nil)) == .backendExists)
    }

    @Test("W9: an id whose assignment is there already is refused, and that assignment is left alone")
    func conflictingID() {
        var machine = Self.machine(id: .make("mine"))
        _ = machine.begin(isKnown: false, lockView: nil)
        _ = machine.chosen(.make("a"))
        guard case .finish(.error(let reply), .nothing) = machine.assigned(.conflict) else {
            Issue.record("it must end with an error and leave nothing to tidy up")
            return
        }
        #expect(reply.code == .backendExists)
    }

    @Test("S4: refusal and absence lead to the next drone, which then has the assignment", arguments: [SpawnAnswer.refused(nil), .nobody])
    func nextDrone(answer: SpawnAnswer) {
        var machine = Self.machine(id: .make("mine"))
        _ = machine.begin(isKnown: false, lockView: nil)
        _ = machine.chosen(.make("a"))
        _ = machine.assigned(.stored(1))
        #expect(machine.answered(answer) == .chooseDrone(excluding: [.make("a")]))
        #expect(machine.chosen(.make("b")) == .assign(Self.assignment(.make("b")), expecting: nil))
        #expect(machine.assigned(.stored(2)) == .ask(Self.spawn(.make("b"), id: .make("mine"))))
        #expect(machine.answered(.accepted) == Self.spawned(.make("b"), id: .make("mine")))
    }

    @Test("with all drones refused the backend is written off, and nobody is told to stop what nobody runs")
    func allRefuse() {
        var machine = Self.machine(dronesAsked: 2)
        _ = machine.begin(isKnown: false, lockView: nil)
        _ = machine.chosen(.make("a"))
        #expect(machine.assignedAndAnswered(.stored(1), .refused(nil)) == .chooseDrone(excluding: [.make("a")]))
        _ = machine.chosen(.make("b"))
        #expect(machine.assignedAndAnswered(.stored(2), .nobody) == .finish(.noDroneAvailable, .init(markLost: true)))
    }

    @Test("silence is asked again with the same id, and then the drone is told to stop it")
    func silence() {
        var machine = Self.machine()
        _ = machine.begin(isKnown: false, lockView: nil)
        _ = machine.chosen(.make("a"))
        #expect(machine.assignedAndAnswered(.stored(1), .silent) == .ask(Self.spawn(.make("a"))))
        #expect(machine.answered(.silent) == .finish(.noDroneAvailable, .init(markLost: true, terminate: true)))
    }

    @Test("S5: what a drone has begun but cannot be written down is stopped", arguments: [SpawnAnswer.accepted, .silent])
    func unwritten(answer: SpawnAnswer) {
        var machine = Self.machine()
        _ = machine.begin(isKnown: false, lockView: nil)
        _ = machine.chosen(.make("a"))
        let end = machine.assignedAndAnswered(.failed("503 insufficient resources (10023)"), answer)
        guard case .finish(.error(let error), let cleanup) = end else {
            Issue.record("it must end with an error")
            return
        }
        #expect(error.code == .unavailable && error.message.contains("503 insufficient resources (10023)"))
        #expect(cleanup == .init(markLost: true, terminate: true))
    }

    @Test(
        "of refusals only those are passed on which the client can do something about",
        arguments: [(ErrorReply.Code.notPermitted, true), (.draining, false), (.full, false)])
    func refusals(code: ErrorReply.Code, isPassedOn: Bool) {
        let refusal = ErrorReply(code: code, message: "because")
        var machine = Self.machine(dronesAsked: 1)
        _ = machine.begin(isKnown: false, lockView: nil)
        _ = machine.chosen(.make("a"))
        let reply: ScheduleReply = isPassedOn ? .error(refusal) : .noDroneAvailable
        #expect(machine.assignedAndAnswered(.stored(1), .refused(refusal)) == .finish(reply, .init(markLost: true)))
    }

    // MARK: With a lock

    @Test("a held lock is answered with its holder, even if the id is known by now")
    func held() {
        var machine = Self.machine(id: .make("mine"), lock: true)
        let reply = ScheduledBackend(drone: .make("drone-h"), backendID: .make("holder"), bearerToken: "held", spawned: false)
        #expect(machine.begin(isKnown: true, lockView: .held(Self.holder)) == .finish(.scheduled(reply), .nothing))
    }

    @Test("a holder that is ending is waited for, and named as ending if that takes too long", arguments: [false, true])
    func endingHolder(endsInTime: Bool) {
        var holder = Self.holder
        holder.isEnding = true
        var machine = Self.machine(lock: true)
        #expect(machine.begin(isKnown: false, lockView: .held(holder)) == .awaitLock(.make(), differentFrom: .held(holder)))
        if endsInTime {
            #expect(machine.lockChanged(.free(lastAnnouncement: 5)) == .announce(Self.announcement, expecting: 5))
        } else {
            let reply = ScheduledBackend(
                drone: .make("drone-h"), backendID: .make("holder"), bearerToken: "held", spawned: false, isEnding: true)
            #expect(machine.lockChanged(nil) == .finish(.scheduled(reply), .nothing))
        }
    }

    @Test("a free lock is announced, seen, assigned, seen again, and only then is a drone asked")
    func free() {
        var machine = Self.machine(lock: true)
        #expect(machine.begin(isKnown: false, lockView: .free(lastAnnouncement: 5)) == .announce(Self.announcement, expecting: 5))
        #expect(machine.announced(.stored(9)) == .awaitEcho(of: 9))
        #expect(machine.echoed(.announced(at: 9)) == .chooseDrone(excluding: []))
        #expect(machine.chosen(.make("a")) == .assign(Self.assignment(.make("a"), lock: true), expecting: 0))
        #expect(machine.assigned(.stored(10)) == .awaitEcho(of: 10))
        #expect(machine.echoed(.assigned(.init(backend: Self.own, drone: .make("a")))) == .ask(Self.spawn(.make("a"), lock: true)))
        #expect(machine.answered(.accepted) == Self.spawned(.make("a")))
    }

    @Test("who loses the race to announce waits for the winner's backend")
    func lost() {
        var machine = Self.machine(lock: true)
        _ = machine.begin(isKnown: false, lockView: .free(lastAnnouncement: 5))
        #expect(machine.announced(.conflict) == .awaitLock(.make(), differentFrom: .free(lastAnnouncement: 5)))
        #expect(machine.lockChanged(.announced(at: 8)) == .awaitLock(.make(), differentFrom: .announced(at: 8)))
        guard case .finish(.scheduled(let backend), .nothing) = machine.lockChanged(.held(Self.holder)) else {
            Issue.record("the holder must be returned")
            return
        }
        #expect(backend.backendID == .make("holder") && !backend.spawned)
    }

    @Test("a lock that is given back while we wait is announced by us")
    func givenBack() {
        var machine = Self.machine(lock: true)
        #expect(machine.begin(isKnown: false, lockView: .announced(at: 8)) == .awaitLock(.make(), differentFrom: .announced(at: 8)))
        #expect(machine.lockChanged(.free(lastAnnouncement: 8)) == .announce(Self.announcement, expecting: 8))
    }

    @Test("a holder that has only been assigned is waited for, and answered with once its drone has spoken")
    func assignedHolder() {
        var machine = Self.machine(lock: true)
        #expect(machine.begin(isKnown: false, lockView: .assigned(Self.holder)) == .awaitLock(.make(), differentFrom: .assigned(Self.holder)))
        guard case .finish(.scheduled(let backend), .nothing) = machine.lockChanged(.held(Self.holder)) else {
            Issue.record("the holder must be returned")
            return
        }
        #expect(backend.backendID == .make("holder") && !backend.spawned)
    }

    @Test("a holder that nobody hears of is no answer: the request is told which drone is silent")
    func unheardHolder() {
        var machine = Self.machine(lock: true)
        _ = machine.begin(isKnown: false, lockView: .assigned(Self.holder))
        guard case .finish(.error(let error), .nothing) = machine.lockChanged(nil) else {
            Issue.record("it must end with an error, and leave the holder alone")
            return
        }
        #expect(error.code == .unavailable)
        #expect(error.message.contains("backend holder") && error.message.contains("drone drone-h"))
    }

    @Test("W4: waiting for a lock has an end")
    func waitedTooLong() {
        var machine = Self.machine(lock: true)
        _ = machine.begin(isKnown: false, lockView: .announced(at: 8))
        #expect(Self.error(machine.lockChanged(nil)) == .lockBusy)
    }

    @Test("W4: without a drone the lock is given back, and nothing is written off that was never written")
    func revoked() {
        var machine = Self.machine(lock: true)
        _ = machine.begin(isKnown: false, lockView: .free(lastAnnouncement: 0))
        _ = machine.announced(.stored(1))
        _ = machine.echoed(.announced(at: 1))
        #expect(machine.chosen(nil) == .finish(.noDroneAvailable, .init(revoke: Self.revocation)))
    }

    @Test("W7: an assignment that lost the lock in the meantime is written off before any drone hears of it")
    func late() {
        var machine = Self.machine(lock: true)
        _ = machine.begin(isKnown: false, lockView: .free(lastAnnouncement: 0))
        _ = machine.announced(.stored(1))
        _ = machine.echoed(.announced(at: 1))
        _ = machine.chosen(.make("a"))
        _ = machine.assigned(.stored(3))
        guard case .finish(.scheduled(let backend), let cleanup) = machine.echoed(.held(Self.holder)) else {
            Issue.record("the holder must be returned")
            return
        }
        #expect(backend.backendID == .make("holder"))
        #expect(cleanup == .init(revoke: Self.revocation, markLost: true))
    }

    @Test("an announcement by an older controller after ours does not take the lock from us")
    func announcedOver() {
        var machine = Self.machine(lock: true)
        _ = machine.begin(isKnown: false, lockView: .free(lastAnnouncement: 0))
        _ = machine.announced(.stored(1))
        #expect(machine.echoed(.announced(at: 2)) == .chooseDrone(excluding: []))
    }
}
