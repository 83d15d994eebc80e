import PlaneProtocol

/// The transitions of a `ScheduleMachine` that several events share, each with the action that follows.
extension ScheduleMachine {
    mutating func take(_ lockView: LockView, _ progress: Progress) -> Action {
        guard let lock = self.lock else { preconditionFailure("the request has no lock") }
        switch lockView {
        case .held(let holder) where !holder.isEnding: return self.finish(with: holder, progress)
        case .announced, .assigned, .held: return self.wait(while: lockView, progress)
        case .free(let lastAnnouncement):
            self.state = .announcing(expecting: lastAnnouncement, progress)
            return .announce(LockMessage(lock: lock.lock, uid: lock.uid, kind: .announce), expecting: lastAnnouncement)
        }
    }

    mutating func wait(while lockView: LockView, _ progress: Progress) -> Action {
        guard let lock = self.lock else { preconditionFailure("the request has no lock") }
        self.state = .waitingForLock(lockView, progress)
        return .awaitLock(lock.lock, differentFrom: lockView)
    }

    mutating func choose(_ progress: Progress) -> Action {
        self.state = .choosing(progress)
        return .chooseDrone(excluding: progress.refusedBy)
    }

    mutating func ask(_ drone: DroneID, _ progress: Progress) -> Action {
        self.state = .asking(drone, progress)
        return .ask(self.spawnRequest(for: drone))
    }

    mutating func tryNext(after drone: DroneID, _ reason: ErrorReply?, _ progress: Progress) -> Action {
        var progress = progress
        progress.refusedBy.insert(drone)
        progress.lastRefusal = reason ?? progress.lastRefusal
        guard progress.refusedBy.count < self.maxDronesAsked else { return self.noDrone(progress) }
        return self.choose(progress)
    }

    func spawnRequest(for drone: DroneID) -> SpawnRequest {
        SpawnRequest(
            cluster: self.request.cluster, droneID: drone, maxIdle: self.request.maxIdle, backendID: self.backend,
            metadata: self.request.metadata, executable: self.request.executable, bearerToken: self.bearerToken,
            lockAssignment: self.lock, key: self.request.key, fencingToken: self.fencingToken, terms: self.request.terms)
    }

    // MARK: Ends

    mutating func succeed(_ drone: DroneID) -> Action {
        self.state = .finished
        let backend = ScheduledBackend(drone: drone, backendID: self.backend, bearerToken: self.bearerToken, spawned: true, tag: self.request.key?.tag)
        return .finish(.scheduled(backend), .nothing)
    }

    mutating func finish(with holder: LockView.Holder, _ progress: Progress = Progress()) -> Action {
        let backend = ScheduledBackend(
            drone: holder.drone, backendID: holder.backend, bearerToken: holder.bearerToken, spawned: false, isEnding: holder.isEnding,
            tag: holder.tag)
        return self.finish(.scheduled(backend), progress)
    }

    /// The answer when no drone took the backend: the last drone's error if it is about the request, otherwise `NoDroneAvailable`, as for full
    /// and draining drones.
    mutating func noDrone(_ progress: Progress, since reason: ErrorReply? = nil, terminate: Bool = false) -> Action {
        let last = reason ?? progress.lastRefusal
        guard let last, ![.full, .draining].contains(last.code) else {
            self.refusal = last
            return self.finish(.noDroneAvailable, progress, terminate: terminate)
        }
        return self.finish(.error(last), progress, terminate: terminate)
    }

    mutating func rejectID(_ progress: Progress) -> Action {
        self.fail(.backendExists, "the backend id \(self.backend) has been used before; choose another one", progress)
    }

    mutating func fail(_ code: ErrorReply.Code, _ message: String, _ progress: Progress, terminate: Bool = false) -> Action {
        self.finish(.error(ErrorReply(code: code, message: message)), progress, terminate: terminate)
    }

    mutating func finish(_ reply: ScheduleReply, _ progress: Progress, terminate: Bool = false) -> Action {
        self.state = .finished
        let revoke = progress.hasAnnounced ? self.lock.map { LockMessage(lock: $0.lock, uid: $0.uid, kind: .revoke) } : nil
        // A backend that may run is not marked as ended while it holds a lock, because the next holder would live beside it. Its drone will
        // report how it ends or, if it never began, that it does not run it.
        let markLost = progress.mayBeAssigned && !(terminate && self.lock != nil)
        return .finish(reply, PendingCleanup(revoke: revoke, markLost: markLost, terminate: terminate))
    }

    static func cannotWrite(_ reason: String) -> String { "the scheduler could not write the state of the fleet: \(reason); try again" }
    static let isLost = "the backend was ended before it began; try again"
    static let isBehind = "the scheduler does not see the newest state of the fleet; try again"
}

/// The outcome of a write to the stream.
package enum WriteOutcome: Hashable, Sendable {
    /// Stored with this sequence.
    case stored(UInt64)
    /// Refused, because the last message on the subject is not the expected one.
    case conflict
    /// Not acknowledged, so it may be stored or not; with the reason in a few words.
    case failed(String)
}
