package import PlaneProtocol
package import PlaneState

/// The tasks that wait for a change of the state, by the condition they wait for. It only returns which tasks to wake; the caller wakes them after it has
/// released its mutex.
package struct StateWaiters: Sendable {
    package enum Condition: Hashable, Sendable {
        /// Everything in the stream when the follower began has been applied.
        case caughtUp
        case sequence(UInt64)
        /// Something may have changed about the lock.
        case lock(LockName, ClusterName)
        /// A message about the backend has been applied.
        case backend(BackendID, ClusterName)
    }

    package typealias Signal = AsyncStream<Void>.Continuation

    private var signals: [UInt64: Signal] = [:]
    private var sequences: [UInt64: UInt64] = [:]
    private var locks: [Condition: Set<UInt64>] = [:]
    private var backends: [Condition: Set<UInt64>] = [:]
    private var catchingUp: Set<UInt64> = []
    private var nextTicket: UInt64 = 0

    package init() {}

    package mutating func add(_ condition: Condition, _ signal: Signal) -> UInt64 {
        defer { self.nextTicket += 1 }
        self.signals[self.nextTicket] = signal
        switch condition {
        case .caughtUp: self.catchingUp.insert(self.nextTicket)
        case .sequence(let sequence): self.sequences[self.nextTicket] = sequence
        case .lock: self.locks[condition, default: []].insert(self.nextTicket)
        case .backend: self.backends[condition, default: []].insert(self.nextTicket)
        }
        return self.nextTicket
    }

    package mutating func remove(_ ticket: UInt64, _ condition: Condition) {
        self.signals[ticket] = nil
        switch condition {
        case .caughtUp: self.catchingUp.remove(ticket)
        case .sequence: self.sequences[ticket] = nil
        case .lock:
            self.locks[condition]?.remove(ticket)
            if self.locks[condition]?.isEmpty == true { self.locks[condition] = nil }
        case .backend:
            self.backends[condition]?.remove(ticket)
            if self.backends[condition]?.isEmpty == true { self.backends[condition] = nil }
        }
    }

    /// All waiting tasks, to be woken when anything may have changed, because the stream was purged or made anew.
    package var everybody: [Signal] { Array(self.signals.values) }

    package func whenCaughtUp() -> [Signal] { self.catchingUp.compactMap { self.signals[$0] } }

    /// The tasks to wake after a message has been applied.
    package func whenApplied(_ message: StateMessage?, fleet: FleetState) -> [Signal] {
        guard !self.signals.isEmpty else { return [] }
        let reached = self.sequences.lazy.filter { $0.value <= fleet.sequence }.map(\.key)
        return (Array(reached) + self.lockWaiters(message, fleet: fleet) + self.backendWaiters(message)).compactMap { self.signals[$0] }
    }

    private func backendWaiters(_ message: StateMessage?) -> [UInt64] {
        guard !self.backends.isEmpty, case .cluster(let cluster, .backend(let message))? = message else { return [] }
        return self.backends[.backend(message.backend, cluster)].map(Array.init) ?? []
    }

    private func lockWaiters(_ message: StateMessage?, fleet: FleetState) -> [UInt64] {
        guard !self.locks.isEmpty, let message else { return [] }
        switch message {
        // The clock by which announcements lapse has moved.
        case .heartbeat: return self.locks.values.flatMap { $0 }
        case .cluster(let cluster, .lock(let message)): return self.waiters(for: message.lock, cluster)
        case .cluster(let cluster, .backend(let message)):
            return self.waiters(for: fleet.backend(message.backend, in: cluster)?.lock, cluster)
        case .cluster(_, .drone), .cluster(_, .acme), .cluster(_, .names): return []
        }
    }

    private func waiters(for lock: LockName?, _ cluster: ClusterName) -> [UInt64] {
        lock.flatMap { self.locks[.lock($0, cluster)] }.map(Array.init) ?? []
    }
}
