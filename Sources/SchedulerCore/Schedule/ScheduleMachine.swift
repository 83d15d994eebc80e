package import PlaneProtocol

/// Decides one schedule request. It knows no time, no NATS and no state of the fleet: each event returns the action to carry out next, and the
/// outcome of the action is the next event.
///
///                     ┌── held ──► answer with the holder
///     begin ── lock ──┼── announced, assigned ──► wait ──► look again
///       │             └── free ──► announce (compare and set) ──► see it come back ──► mine
///       │ no lock                                                                        │
///       ├───────────────────────────────◄────────────────────────────────────────────────┘
///       ▼
///     choose a drone ◄────────────────────── refused, nobody there ───────────────┐
///       ├── id is ours, no lock: assign and ask at the same time ──►──┐           │
///       └── else: assign ──► lock: see that it is ours ──► ask ──►────┴── answer ─┤── accepted ──► done
///                                                                                 └── silent ──► ask again, once
///
/// **The assignment is written before the drone is asked.** Otherwise a terminal state that overtakes it would leave a lock held by an ended
/// backend, and a crash between asking and writing a backend that nobody knows. With a new id and no lock neither can happen, so both are done
/// at the same time, which saves a round trip. The assignment of an id that the client chose is written on condition that there is none yet, so
/// an id used before is refused, even if another scheduler uses it at this moment.
///
/// **A holder that is only assigned is no answer.** Its drone may be gone. A request for its lock waits until the drone reports something, and
/// is answered `Unavailable` if it does not.
///
/// **Giving up leaves nothing behind that looks alive.** Once the assignment may be in the stream, the backend gets the state `Terminated`, which
/// every member of a fleet understands and which frees the lock. (Not if it holds a lock and a drone may run it: a lock is free only when its
/// holder has ended.) Deleting the assignment instead would go unnoticed by processes that have read it.
package struct ScheduleMachine: Sendable {
    package enum Action: Hashable, Sendable {
        case announce(LockMessage, expecting: UInt64)
        /// Wait until the fleet has reached the sequence, then look at the lock.
        case awaitEcho(of: UInt64)
        /// Wait until the lock no longer looks like this.
        case awaitLock(LockName, differentFrom: LockView)
        case chooseDrone(excluding: Set<DroneID>)
        case assign(BackendAssignment, expecting: UInt64?)
        case assignAndAsk(BackendAssignment, SpawnRequest)
        case ask(SpawnRequest)
        case finish(ScheduleReply, PendingCleanup)
    }

    /// What must be cleaned up before the answer.
    package struct PendingCleanup: Hashable, Sendable {
        /// The announcement to revoke, because no assignment follows.
        package var revoke: LockMessage?
        /// The assignment may be in the stream.
        package var markLost = false
        /// A drone may run the backend.
        package var terminate = false

        package static let nothing = PendingCleanup()

        package init(revoke: LockMessage? = nil, markLost: Bool = false, terminate: Bool = false) {
            self.revoke = revoke
            self.markLost = markLost
            self.terminate = terminate
        }
    }

    /// What has been done so far that may have to be undone.
    struct Progress: Hashable, Sendable {
        /// Whether we have announced the lock.
        var hasAnnounced = false
        /// Whether the assignment may be in the stream.
        var mayBeAssigned = false
        var refusedBy: Set<DroneID> = []
        var lastRefusal: ErrorReply?
    }

    enum State: Hashable, Sendable {
        case new
        /// Waiting as long as the lock looks like this.
        case waitingForLock(LockView, Progress)
        case announcing(expecting: UInt64, Progress)
        case confirmingAnnouncement(Progress)
        case choosing(Progress)
        case assigning(DroneID, Progress)
        case confirmingAssignment(DroneID, Progress)
        case assigningAndAsking(DroneID, Progress)
        case asking(DroneID, Progress)
        case askingAgain(DroneID, Progress)
        case finished
    }

    package let request: ScheduleRequest
    package let backend: BackendID
    package let bearerToken: Secret?
    /// The lock asked for, with the id of this attempt to take it.
    let lock: LockAssignment?
    let maxDronesAsked: Int
    var state = State.new
    /// Why the drone asked last refused, for the header of an answer that has no place for it.
    var refusal: ErrorReply?
    /// The fencing token in the latest assignment; nil without a key.
    var fencingToken: Int64?

    /// - Parameters:
    ///   - backend: the id to use if the request names none.
    ///   - bearerToken: the token to use if the request asks for one.
    package init(_ request: ScheduleRequest, backend: BackendID, bearerToken: Secret, uid: LockUID, limits: ScheduleLimits) {
        self.request = request
        self.backend = request.backendID ?? backend
        self.bearerToken = request.requireBearerToken ? bearerToken : nil
        self.lock = request.lock.map { LockAssignment(lock: $0, uid: uid) }
        self.maxDronesAsked = limits.dronesAsked
    }

    // MARK: Events

    /// - Parameters:
    ///   - isKnown: whether the fleet knows the id.
    ///   - lockView: the state of the lock; nil if the request has none.
    package mutating func begin(isKnown: Bool, lockView: LockView?) -> Action {
        guard self.state == .new else { preconditionFailure("begun twice") }
        switch lockView {
        case .held(let holder)? where !holder.isEnding: return self.finish(with: holder)
        case .held?, .assigned?: if let lockView { return self.wait(while: lockView, Progress()) }
        case .free?, .announced?, nil: break
        }
        guard self.request.backendID?.isReserved != true else {
            return self.fail(.notPermitted, "programs look for hosts called \(self.backend) by themselves; choose another id", Progress())
        }
        if let subdomain = self.request.terms.subdomain, subdomain.isReserved {
            return self.fail(.notPermitted, "programs look for hosts called \(subdomain) by themselves; choose another subdomain", Progress())
        }
        guard !isKnown else { return self.rejectID(Progress()) }
        guard let lockView else { return self.choose(Progress()) }
        return self.take(lockView, Progress())
    }

    /// - Parameter lockView: nil if the lock did not change in time.
    package mutating func lockChanged(_ lockView: LockView?) -> Action {
        guard case .waitingForLock(let last, let progress) = self.state else { preconditionFailure("nobody waits for the lock") }
        if let lockView { return self.take(lockView, progress) }
        switch last {
        // The holder is ending, and keeps the lock until it has ended.
        case .held(let holder): return self.finish(with: holder, progress)
        case .assigned(let holder): return self.finish(.error(.isUnheard(holder)), progress)
        case .free, .announced: return self.fail(.lockBusy, "another request for the same lock has not finished; try again", progress)
        }
    }

    package mutating func announced(_ outcome: WriteOutcome) -> Action {
        guard case .announcing(let expected, var progress) = self.state else { preconditionFailure("nothing was announced") }
        switch outcome {
        case .stored(let sequence):
            progress.hasAnnounced = true
            self.state = .confirmingAnnouncement(progress)
            return .awaitEcho(of: sequence)
        case .conflict:
            // Another request was faster; the state will show which.
            progress.hasAnnounced = false
            return self.wait(while: .free(lastAnnouncement: expected), progress)
        case .failed(let reason):
            progress.hasAnnounced = true
            return self.fail(.unavailable, Self.cannotWrite(reason), progress)
        }
    }

    /// Our announcement or assignment has come back through the stream.
    /// - Parameter lockView: the lock's state at or after that moment; nil if the message did not come back in time.
    package mutating func echoed(_ lockView: LockView?) -> Action {
        switch self.state {
        case .confirmingAnnouncement(let progress):
            guard let lockView else { return self.fail(.unavailable, Self.isBehind, progress) }
            // The announcement was stored on condition that it is the next one. An announcement after it without that condition, as controllers
            // of 0.3.24 write, does not take the lock from this request; only a backend assigned with the lock meanwhile does.
            switch lockView {
            case .held(let holder): return self.finish(with: holder, progress)
            case .assigned: return self.wait(while: lockView, progress)
            case .free, .announced: return self.choose(progress)
            }
        case .confirmingAssignment(let drone, let progress):
            guard let lockView else { return self.fail(.unavailable, Self.isBehind, progress) }
            switch lockView {
            case .held(let holder) where holder.backend == self.backend, .assigned(let holder) where holder.backend == self.backend:
                return self.ask(drone, progress)
            // Our announcement had lapsed, and another backend took the lock.
            case .held(let holder): return self.finish(with: holder, progress)
            case .assigned(let holder): return self.finish(.error(.isUnheard(holder)), progress)
            // The backend was marked as ended before it began.
            case .free, .announced: return self.fail(.unavailable, Self.isLost, progress)
            }
        case .new, .waitingForLock, .announcing, .choosing, .assigning, .assigningAndAsking, .asking, .askingAgain, .finished:
            preconditionFailure("nothing was to come back")
        }
    }

    /// - Parameters:
    ///   - drone: nil if there is none, or no time is left to ask one.
    ///   - fencingToken: the backend's token if it has a key. While the lock is ours no other token is given out, so this one is higher than all before.
    package mutating func chosen(_ drone: DroneID?, fencingToken: Int64? = nil) -> Action {
        guard case .choosing(var progress) = self.state else { preconditionFailure("no drone was to be chosen") }
        guard let drone else { return self.noDrone(progress) }
        self.fencingToken = self.request.key == nil ? nil : fencingToken
        let assignment = BackendAssignment(
            drone: drone, bearerToken: self.bearerToken, lockAssignment: self.lock, key: self.request.key, fencingToken: self.fencingToken)
        // Once the id is ours in the stream, a second assignment replaces the first.
        let isFirst = !progress.mayBeAssigned
        progress.mayBeAssigned = true
        if self.lock == nil, self.request.backendID == nil {
            self.state = .assigningAndAsking(drone, progress)
            return .assignAndAsk(assignment, self.spawnRequest(for: drone))
        }
        self.state = .assigning(drone, progress)
        return .assign(assignment, expecting: isFirst ? 0 : nil)
    }

    package mutating func assigned(_ outcome: WriteOutcome) -> Action {
        guard case .assigning(let drone, var progress) = self.state else { preconditionFailure("nothing was assigned") }
        switch outcome {
        case .stored(let sequence):
            guard self.lock != nil else { return self.ask(drone, progress) }
            self.state = .confirmingAssignment(drone, progress)
            return .awaitEcho(of: sequence)
        case .conflict:
            // The assignment in the stream belongs to another request, so this one must not mark the backend as ended.
            progress.mayBeAssigned = false
            return self.rejectID(progress)
        case .failed(let reason):
            return self.fail(.unavailable, Self.cannotWrite(reason), progress)
        }
    }

    package mutating func assignedAndAnswered(_ outcome: WriteOutcome, _ answer: SpawnAnswer) -> Action {
        guard case .assigningAndAsking(let drone, let progress) = self.state else { preconditionFailure("nothing was assigned and asked") }
        switch outcome {
        case .stored:
            self.state = .asking(drone, progress)
            return self.answered(answer)
        case .conflict:
            // (Nothing is expected, so nothing can conflict.)
            return self.fail(.unavailable, Self.isLost, progress, terminate: answer.mayRun)
        case .failed(let reason):
            // Without an assignment nobody would find a backend that the drone has started.
            return self.fail(.unavailable, Self.cannotWrite(reason), progress, terminate: answer.mayRun)
        }
    }

    package mutating func answered(_ answer: SpawnAnswer) -> Action {
        switch self.state {
        case .asking(let drone, let progress):
            switch answer {
            case .accepted: return self.succeed(drone)
            case .refused(let reason): return self.tryNext(after: drone, reason, progress)
            case .nobody: return self.tryNext(after: drone, nil, progress)
            case .silent, .undecided:
                // The request is harmless when repeated: a drone that has begun says `true` again.
                self.state = .askingAgain(drone, progress)
                return .ask(self.spawnRequest(for: drone))
            }
        case .askingAgain(let drone, let progress):
            switch answer {
            case .accepted: return self.succeed(drone)
            case .refused(let reason): return self.tryNext(after: drone, reason, progress)
            case .nobody, .silent:
                // The first request may have been carried out, and the agent be gone since; its container would still run.
                return self.finish(.noDroneAvailable, progress, terminate: true)
            case .undecided(let reason):
                // The same holds, but the drone has said why it would not.
                return self.noDrone(progress, since: reason, terminate: true)
            }
        case .new, .waitingForLock, .announcing, .confirmingAnnouncement, .choosing, .assigning, .confirmingAssignment,
            .assigningAndAsking, .finished:
            preconditionFailure("no drone was asked")
        }
    }
}
