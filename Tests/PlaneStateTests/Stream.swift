@testable import PlaneProtocol
@testable import PlaneState

/// The stream `plane_state` as the server keeps it, one message for each subject, with a reader that follows it live.
struct Stream {
    struct Stored {
        let message: StateMessage
        let sequence: UInt64
        let published: WireTime
    }

    private(set) var live = FleetState()
    private(set) var survivors: [String: Stored] = [:]
    private var sequence: UInt64 = 0

    /// Stores the message, evicting the one before it on its subject, and shows it to the live reader.
    mutating func append(_ message: StateMessage, at seconds: Int64? = nil) {
        self.sequence += 1
        let stored = Stored(message: message, sequence: self.sequence, published: WireTime(seconds: seconds ?? Int64(self.sequence)))
        self.survivors[message.subject] = stored
        self.live.apply(stored.message, sequence: stored.sequence, published: stored.published)
    }

    /// The sequence of the last message on its subject, 0 if there is none: what a writer may expect.
    func lastSequence(_ subject: String) -> UInt64 { self.survivors[subject]?.sequence ?? 0 }

    mutating func purge(_ backend: BackendID) {
        self.noteNames(deleting: self.live.messages(of: backend, in: cluster))
        let prefix = "state.cluster.plane_test.backend.\(backend)."
        self.survivors = self.survivors.filter { !$0.key.hasPrefix(prefix) }
        self.live.forget(backend, in: cluster)
    }

    mutating func purge(_ drone: DroneID) {
        self.noteNames(deleting: nil)
        let prefix = "state.cluster.plane_test.drone.\(drone)."
        self.survivors = self.survivors.filter { !$0.key.hasPrefix(prefix) }
        self.live.forget(drone, in: cluster)
    }

    /// As schedulers do before they delete what is outdated.
    private mutating func noteNames(deleting messages: [UInt64]?) {
        guard let (note, expected) = self.live.noteOfNames(deleting: messages, in: cluster) else { return }
        precondition(expected == self.lastSequence(note.subject), "the reader knows the note before it")
        self.append(note)
    }

    mutating func purge(_ lock: LockName) {
        let prefix = "state.cluster.plane_test.lock.\(lock.subjectHash)."
        self.survivors = self.survivors.filter { !$0.key.hasPrefix(prefix) }
        self.live.forget(lock, in: cluster)
    }

    /// The fleet of a reader that starts now.
    var replayed: FleetState {
        var fleet = FleetState()
        for stored in self.survivors.values.sorted(by: { $0.sequence < $1.sequence }) {
            fleet.apply(stored.message, sequence: stored.sequence, published: stored.published)
        }
        return fleet
    }
}
