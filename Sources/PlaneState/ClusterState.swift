import PlaneProtocol

/// The state of one cluster. Everything in it follows from the last message of each subject of the stream.
struct ClusterState: Sendable {
    var drones = DroneTable()
    var backends = BackendTable()
    var locks = LockTable()
    var acme = AcmeValues()
    var ends = EndIndex()
    var names = NameChanges()

    // MARK: Drones

    mutating func apply(_ message: DroneMessage) {
        let slot = self.drones.slot(of: message.drone, inserting: DroneRow())
        switch message.change {
        case .metadata(let metadata):
            self.drones[slot].metadata = metadata
        case .state(let state, let time):
            self.drones[slot].state = state
            self.drones[slot].stateTime = time
        case .keepAlive(let time):
            self.drones[slot].lastSeen = time
        }
    }

    /// Forgets a drone whose messages were purged from the stream. Its backends are still assigned to it.
    mutating func forget(_ drone: DroneID) {
        guard let slot = self.drones.slot(of: drone) else { return }
        self.drones[slot].metadata = nil
        self.drones[slot].state = nil
        self.drones[slot].lastSeen = nil
        self.removeIfUnused(slot)
    }

    private mutating func removeIfUnused(_ slot: DroneTable.Slot) {
        let drone = self.drones[slot]
        if !drone.isKnown, drone.assignedBackends == 0 { self.drones.remove(slot) }
    }

    // MARK: Backends

    mutating func apply(_ message: BackendMessage, sequence: UInt64) {
        let slot = self.backends.slot(of: message.backend, inserting: BackendRow())
        switch message.change {
        case .assignment(let assignment):
            // If the earlier assignment was written with another lock, its message is still in the stream.
            if let earlier = self.backends[slot].assignment?.sequence { self.backends[slot].trail.append(earlier) }
            // Only the latest assignment counts, whatever lock it names: the drone was sent the same one.
            self.withdrawAssignment(of: slot)
            self.assign(assignment, to: slot, sequence: sequence)
        case .state(let state, let time):
            self.note(state, at: sequence, of: slot)
            self.enter(state, at: time, backend: slot)
        case .ending(let ending):
            self.backends[slot].trail.append(sequence)
            // Whoever is killed is not asked to end any more.
            if self.backends[slot].ending != .hard { self.backends[slot].ending = ending.kind }
        }
    }

    private mutating func note(_ state: BackendState, at sequence: UInt64, of slot: BackendTable.Slot) {
        guard state.isTerminal else { return self.backends[slot].trail.append(sequence) }
        let earlier = self.backends[slot].endSequence
        if earlier > 0 { self.backends[slot].trail.append(earlier) }
        self.backends[slot].endSequence = sequence
        self.ends.insert(slot, at: sequence, in: self.backends)
    }

    /// Forgets a backend whose messages were purged from the stream.
    mutating func forget(_ backend: BackendID) {
        guard let slot = self.backends.slot(of: backend) else { return }
        self.withdrawAssignment(of: slot)
        self.backends.remove(slot)
    }

    private mutating func assign(_ assignment: BackendAssignment, to backend: BackendTable.Slot, sequence: UInt64) {
        let isLive = !self.backends[backend].isTerminal
        let drone = self.drones.slot(of: assignment.drone, inserting: DroneRow())
        self.drones[drone].assignedBackends += 1
        if isLive { self.drones[drone].liveBackends += 1 }
        if self.backends[backend].isStarting { self.drones[drone].startingBackends += 1 }

        let lock = assignment.lockAssignment.map { self.locks.slot(of: $0.lock, inserting: LockRow()) }
        if let lock {
            // A backend that ended before its assignment was read never holds the lock: no later end would free it.
            if isLive { self.locks[lock].live.insert(backend) } else { self.locks[lock].ended.insert(backend) }
            self.locks[lock].lastAssignment = max(self.locks[lock].lastAssignment, sequence)
            self.locks[lock].lastFencingToken = max(self.locks[lock].lastFencingToken, assignment.fencingToken ?? 0)
        }
        self.backends[backend].assignment = BackendRow.Assignment(
            bearerToken: assignment.bearerToken, sequence: sequence, drone: drone, lock: lock,
            hasHiddenToken: assignment.hasHiddenToken, claim: BackendRow.KeyClaim(assignment))
    }

    private mutating func withdrawAssignment(of backend: BackendTable.Slot) {
        guard let assignment = self.backends[backend].assignment else { return }
        self.backends[backend].assignment = nil
        self.drones[assignment.drone].assignedBackends -= 1
        if !self.backends[backend].isTerminal { self.drones[assignment.drone].liveBackends -= 1 }
        if self.backends[backend].isStarting { self.drones[assignment.drone].startingBackends -= 1 }
        self.removeIfUnused(assignment.drone)

        guard let lock = assignment.lock else { return }
        self.locks[lock].live.remove(backend)
        self.locks[lock].ended.remove(backend)
        if self.locks[lock].lastAssignment == assignment.sequence { self.locks[lock].lastAssignment = self.latestAssignment(with: lock) }
        if let token = assignment.claim?.fencingToken, token >= self.locks[lock].lastFencingToken {
            self.locks[lock].lastFencingToken = self.highestFencingToken(with: lock)
        }
        self.removeIfUnused(lock)
    }

    /// A terminal state is final. Otherwise the later message in the stream counts, whatever times the messages state.
    private mutating func enter(_ state: BackendState, at time: StateTime, backend: BackendTable.Slot) {
        let wasTerminal = self.backends[backend].isTerminal
        guard state.isTerminal || !wasTerminal else { return }
        let wasStarting = self.backends[backend].isStarting
        self.backends[backend].state = state
        self.backends[backend].stateTime = time

        if let assignment = self.backends[backend].assignment, self.backends[backend].isStarting != wasStarting {
            self.drones[assignment.drone].startingBackends += wasStarting ? -1 : 1
        }
        guard state.isTerminal, !wasTerminal, let assignment = self.backends[backend].assignment else { return }
        self.drones[assignment.drone].liveBackends -= 1
        guard let lock = assignment.lock else { return }
        self.locks[lock].live.remove(backend)
        self.locks[lock].ended.insert(backend)
    }

    // MARK: Locks

    mutating func apply(_ message: LockMessage, sequence: UInt64, publishedSeconds: Int64) {
        switch message.kind {
        case .announce:
            let slot = self.locks.slot(of: message.lock, inserting: LockRow())
            self.locks[slot].announcement = LockRow.Announcement(
                uid: message.uid, sequence: sequence, publishedSeconds: publishedSeconds)
        case .revoke:
            let slot = self.locks.slot(of: message.lock, inserting: LockRow())
            self.locks[slot].revocation = LockRow.Revocation(sequence: sequence, publishedSeconds: publishedSeconds)
            guard let announcement = self.locks[slot].announcement else { return }
            self.locks[slot].announcement?.isRevoked = announcement.uid == message.uid
        }
    }

    /// Forgets the messages of a lock, which were purged from the stream. Backends keep the lock.
    mutating func forget(_ lock: LockName) {
        guard let slot = self.locks.slot(of: lock) else { return }
        self.locks[slot].announcement = nil
        self.locks[slot].revocation = nil
        self.removeIfUnused(slot)
    }

    private func latestAssignment(with lock: LockTable.Slot) -> UInt64 {
        var latest: UInt64 = 0
        for backends in [self.locks[lock].live, self.locks[lock].ended] {
            backends.forEach { latest = max(latest, self.backends[$0].assignment?.sequence ?? 0) }
        }
        return latest
    }

    private func highestFencingToken(with lock: LockTable.Slot) -> Int64 {
        var highest: Int64 = 0
        for backends in [self.locks[lock].live, self.locks[lock].ended] {
            backends.forEach { highest = max(highest, self.backends[$0].assignment?.claim?.fencingToken ?? 0) }
        }
        return highest
    }

    private mutating func removeIfUnused(_ slot: LockTable.Slot) {
        if self.locks[slot].isUnused { self.locks.remove(slot) }
    }
}
